"""Lists of entries: every filter, all of them at once, and pages that lose nothing while writers write."""

import random
import threading
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st

from journal import history, queries
from ledger_project.kernel import clock, ids
from ledger_project.log.executor import Call
from ledger_project.log.queries import read
from ledger_project.testing.api import Api
from ledger_project.testing.ledger import Ledger

pytestmark = pytest.mark.slow

CAST = ["agent:eu:alice", "agent:eu:bob", "agent:us:carol", "shop:books", "agent%_x"]


class Story:
    """A ledger with some two hundred entries of all sorts, and what each of them says, newest first."""

    def __init__(self) -> None:
        self.ledger = Ledger()
        self.api = Api(self.ledger)
        self.told: list[dict] = []
        self.ledger.open(*CAST)
        self.ledger.run("open_account", name="cash", type="asset", unbounded=True)
        dice = random.Random(7)
        for name in CAST:
            self.note(self.ledger.run("mint", account=name, amount=10_000, reference="r0").document)
        for _ in range(12):
            calls = [self.any_call(dice) for _ in range(dice.randint(1, 25))]
            for done in self.ledger.execute(*calls):
                self.note(done.document)

    def any_call(self, dice: random.Random) -> Call:
        payer, receiver = dice.sample(CAST, 2)
        number = f"j{dice.randint(0, 4)}"
        command, arguments = dice.choice(
            [
                ("transfer", {"from_account": payer, "to_account": receiver, "amount": 5, "job_id": number}),
                ("transfer", {"from_account": payer, "to_account": receiver, "amount": 7}),
                ("mint", {"account": payer, "amount": 3, "reference": f"r{dice.randint(0, 2)}"}),
                (
                    "post_entry",
                    {
                        "kind": "sale",
                        "postings": [{"account": "cash", "amount": 9}, {"account": payer, "amount": -9}],
                        "references": {"job_id": number, "reference": "r1"},
                    },
                ),
            ]
        )
        return self.ledger.call(command, **arguments)

    def note(self, document: dict) -> None:
        names = {ids.show("acc", account): name for account, name in self.names()}
        entry = document["entry"]
        self.told.insert(
            0,
            {
                "id": "ent_" + document["id"][4:],
                "kind": entry["kind"],
                "references": entry["references"],
                "names": {names[posting["account"]] for posting in entry["postings"]},
                "recorded_at": clock.read(document["recorded_at"]),
                "key": document["idempotency_key"],
            },
        )

    def names(self) -> list:
        return read("SELECT id, name FROM accounts_account WHERE tenant_id = %s", [self.ledger.tenant])

    def expected(self, filters: dict) -> list[str]:
        """The plain reading of the filters."""

        def meets(entry: dict, name: str, value: str) -> bool:
            match name:
                case "account":
                    return value in entry["names"]
                case "prefix":
                    return any(each.startswith(value) for each in entry["names"])
                case "kind":
                    return entry["kind"] == value
                case "from":
                    return entry["recorded_at"] >= clock.read(value)
                case "to":
                    return entry["recorded_at"] < clock.read(value)
                case "idempotency_key":
                    return entry["key"] == value
            return entry["references"].get(name.removeprefix("references.")) == value

        return [entry["id"] for entry in self.told if all(meets(entry, name, value) for name, value in filters.items())]

    def listed(self, path: str = "/v1/entries", limit: int = 500, **filters: str) -> list[str]:
        """All pages of a list; every page but the last is full."""
        found, cursor = [], None
        while True:
            query = urlencode({**filters, "limit": limit, **({"cursor": cursor} if cursor else {})})
            page = self.api.get(f"{path}?{query}")
            assert page.status_code == 200, page.content
            found += [entry["id"] for entry in page.json()["results"]]
            cursor = page.json()["next"]
            if cursor is None:
                return found
            assert len(page.json()["results"]) == limit


@pytest.fixture(scope="module")
def story() -> Story:
    return Story()


def filters(story: Story) -> st.SearchStrategy[dict[str, str]]:
    times = st.sampled_from([clock.stamp(entry["recorded_at"]) for entry in story.told])
    keys = st.sampled_from([entry["key"] for entry in story.told])
    return st.fixed_dictionaries(
        {},
        optional={
            "account": st.sampled_from([*CAST, "cash", "platform:issuance:CRD", "nobody"]),
            "prefix": st.sampled_from(["agent:", "agent:eu", "shop:", "agent%", "nobody", "c"]),
            "kind": st.sampled_from(["transfer", "mint", "sale", "burn"]),
            "from": times,
            "to": times,
            "reference": st.sampled_from(["r0", "r1", "r2", "r9"]),
            "references.job_id": st.sampled_from(["j0", "j1", "j2", "j9"]),
            "idempotency_key": keys,
        },
    ).filter(lambda chosen: len(chosen) >= 2)


@settings(max_examples=150, deadline=None)
@given(data=st.data(), limit=st.sampled_from([1, 3, 50, 500]))
def test_filters_combine_as_a_plain_loop_would(story, data, limit):
    chosen = data.draw(filters(story))

    assert story.listed(limit=limit, **chosen) == story.expected(chosen)


@pytest.mark.parametrize("name", [*CAST, "cash", "platform:issuance:CRD"])
@pytest.mark.parametrize("limit", [1, 7, 500])
def test_an_accounts_history_is_the_same_by_either_address(story, name, limit):
    account = story.api.get("/v1/accounts?" + urlencode({"prefix": name})).json()["results"][0]["id"]

    by_id = story.listed(f"/v1/accounts/{account}/entries", limit=limit)

    assert by_id == story.listed(account=name, limit=limit) == story.expected({"account": name})


def test_a_long_list_under_a_prefix_is_walked_and_says_the_same(story, monkeypatch):
    monkeypatch.setattr(queries, "GATHERED_POSTINGS", 3)

    assert story.listed(prefix="agent:eu", limit=9) == story.expected({"prefix": "agent:eu"})


def test_times_include_their_start_and_exclude_their_end(story):
    newest = story.told[0]["recorded_at"]
    after = clock.stamp(newest + timedelta(microseconds=1))
    at = clock.stamp(newest)
    same_batch = [entry["id"] for entry in story.told if entry["recorded_at"] == newest]

    assert story.listed(**{"from": at}) == same_batch
    assert story.listed(**{"from": at, "to": after}) == same_batch
    assert story.listed(**{"from": after}) == []
    assert story.listed(to=at) == [entry["id"] for entry in story.told[len(same_batch) :]]


def test_a_narrow_time_in_a_long_history_is_found_by_bisection(monkeypatch):
    """With no slack at all, the search by versions alone must find the very ones."""
    monkeypatch.setattr(history, "SLACK", timedelta())
    ledger = Ledger()
    ledger.open("alice", "shop", funded=1000)
    entries = []
    for _ in range(40):
        done = ledger.run("transfer", from_account="alice", to_account="shop", amount=1)
        entries.append(("ent_" + done.document["id"][4:], clock.read(done.document["recorded_at"])))

    for start, end in [(0, 40), (0, 1), (39, 40), (13, 29), (20, 20)]:
        wanted = queries.Entries(
            ledger.tenant,
            account="alice",
            kind="transfer",
            since=entries[start][1] if start < 40 else None,
            until=entries[end][1] if end < 40 else None,
        )

        found, _ = wanted.page(None, 500)

        assert [entry["id"] for entry in found] == [name for name, _ in reversed(entries[start:end])]


def test_an_entry_that_moves_an_account_twice_is_listed_once():
    ledger = Ledger()
    ledger.open("alice", "bob", funded=100)
    ledger.run(
        "post_entry",
        postings=[
            {"account": "alice", "amount": 5},
            {"account": "alice", "bucket": "fee_pool", "amount": -3},
            {"account": "bob", "bucket": "fee_pool", "amount": -2},
        ],
    )
    ledger.run("transfer", from_account="bob", to_account="alice", amount=1)
    everything = queries.Entries(ledger.tenant, account="alice")

    first, after = everything.page(None, 1)
    second, after = everything.page(after, 1)
    third, end = everything.page(after, 1)

    assert [entry["kind"] for entry in first + second + third] == ["transfer", "entry", "mint"]
    assert end is None
    [pool, available] = [leg for leg in second[0]["postings"] if leg["name"] == "alice"]
    assert (available["bucket"], available["amount"], available["balance_after"]) == ("available", "5", "95")
    assert (pool["bucket"], pool["amount"], pool["balance_after"]) == ("fee_pool", "-3", "3")


def test_a_transfer_is_found_by_its_job(story):
    job = story.expected({"kind": "transfer", "references.job_id": "j1"})

    assert story.listed("/v1/transfers", job_id="j1") == job
    assert story.listed("/v1/transfers", job_id="j1", account="shop:books") == story.expected(
        {"kind": "transfer", "references.job_id": "j1", "account": "shop:books"}
    )
    assert story.listed("/v1/transfers") == story.expected({"kind": "transfer"})


def test_an_entry_is_shown_alone_as_in_lists_and_both_ends_of_a_reversal_name_each_other(ledger):
    api = Api(ledger)
    ledger.open("alice", "shop", funded=100)
    sold = api.post(
        "/v1/transfers",
        {"from_account": "alice", "to_account": "shop", "amount": 30, "job_id": "j", "metadata": {"colour": "red"}},
    ).json()["entry"]
    undone = api.post(f"/v1/entries/{sold['id']}/reverse", {"reason": "late"}).json()["entry"]

    alone = api.get(f"/v1/entries/{sold['id']}").json()
    [newest, older, *_] = api.get("/v1/accounts/alice/entries").json()["results"]

    assert alone == older == sold | {"reversed_by": undone["id"]}
    assert newest == undone | {"reversed_by": None}
    assert newest["reverses"] == sold["id"]


def test_amounts_of_38_digits_are_listed_exactly():
    ledger = Ledger(currency="WEI", scale=18)
    ledger.open("whale", "shop")
    most = 10**38 - 1
    ledger.run("mint", account="whale", amount=str(most))
    ledger.run("transfer", from_account="whale", to_account="shop", amount=str(most - 1))

    [transfer] = Api(ledger).get("/v1/transfers").json()["results"]

    assert [(leg["amount"], leg["balance_after"]) for leg in transfer["postings"]] == [
        (str(most - 1), "1"),
        (str(1 - most), str(most - 1)),
    ]


@pytest.mark.parametrize("address", ["/v1/entries", "/v1/accounts/shop/entries", "/v1/accounts/cash/entries"])
def test_pages_lose_and_repeat_nothing_while_writers_add(ledger, address):
    ledger.open("alice", funded=10_000)
    ledger.run("open_account", name="shop")
    ledger.run("open_account", name="cash", type="asset", unbounded=True)
    sale = [{"account": "cash", "amount": 1}, {"account": "shop", "amount": -1}]

    def sell(count: int) -> list[str]:
        calls = [ledger.call("post_entry", kind="sale", postings=sale) for _ in range(count)]
        return ["ent_" + done.document["id"][4:] for done in ledger.execute(*calls)]

    before = [entry for _ in range(6) for entry in sell(10)]
    api, done = Api(ledger), threading.Event()

    def keep_selling() -> None:
        try:
            while not done.is_set():
                sell(3)
        finally:
            connection.close()

    writers = [threading.Thread(target=keep_selling) for _ in range(3)]
    for writer in writers:
        writer.start()
    try:
        listed, cursor = [], ""
        while cursor is not None:
            page = api.get(f"{address}?limit=7&kind=sale" + (f"&cursor={cursor}" if cursor else "")).json()
            listed += [entry["id"] for entry in page["results"]]
            cursor = page["next"]
    finally:
        done.set()
        for writer in writers:
            writer.join()

    assert len(listed) == len(set(listed))
    assert [entry for entry in listed if entry in set(before)] == before[::-1]


@pytest.mark.parametrize(
    ("query", "code", "field"),
    [
        ("cursor=garbage", "invalid_request", "cursor"),
        ("cursor=", "invalid_request", "cursor"),
        ("cursor=%F0%9F%92%A9", "invalid_request", "cursor"),
        ("limit=0", "invalid_request", "limit"),
        ("limit=501", "invalid_request", "limit"),
        ("limit=-1", "invalid_request", "limit"),
        ("limit=1e2", "invalid_request", "limit"),
        ("limit=%C2%B2", "invalid_request", "limit"),
        ("limit=", "invalid_request", "limit"),
        ("limit=5&limit=6", "invalid_request", "limit"),
        ("kind=", "invalid_request", "kind"),
        ("kind=mint&kind=burn", "invalid_request", "kind"),
        ("from=yesterday", "invalid_request", "from"),
        ("from=2026-01-01T00:00:00", "invalid_request", "from"),
        ("to=10000-01-01T00:00:00Z", "invalid_request", "to"),
        ("account=%00", "invalid_request", "account"),
        ("prefix=a%00", "invalid_request", "prefix"),
        ("idempotency_key=" + "k" * 256, "invalid_request", "idempotency_key"),
        ("references.=x", "invalid_request", "references."),
        ("references.a%00=x", "invalid_request", "references.a\x00"),
        ("references.job_id=a&references.job_id=b", "invalid_request", "references.job_id"),
        ("reference=a&references.reference=b", "invalid_request", "references.reference"),
        ("colour=red", "unknown_field", "colour"),
        ("Kind=mint", "unknown_field", "Kind"),
        ("offset=3", "unknown_field", "offset"),
    ],
)
def test_what_a_list_does_not_understand_is_refused_by_name(story, query, code, field):
    answer = story.api.get(f"/v1/entries?{query}")

    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (422, code, field)


def test_a_cursor_belongs_to_its_list_its_filters_and_its_tenant(story):
    def following(address: str, api: Api = story.api) -> int:
        return api.get(address).status_code

    cursor = story.api.get("/v1/entries?limit=2&kind=mint&prefix=agent").json()["next"]
    stranger = Api(Ledger())

    assert following(f"/v1/entries?prefix=agent&kind=mint&cursor={cursor}&limit=3") == 200
    assert following(f"/v1/entries?kind=mint&cursor={cursor}") == 422
    assert following(f"/v1/entries?kind=transfer&prefix=agent&cursor={cursor}") == 422
    assert following(f"/v1/transfers?cursor={cursor}") == 422
    assert following(f"/v1/entries?prefix=agent&kind=mint&cursor={cursor[:-1]}") == 422
    assert following(f"/v1/entries?prefix=agent&kind=mint&cursor={cursor}A") == 422
    assert following(f"/v1/entries?prefix=agent&kind=mint&cursor=A{cursor[1:]}") == 422
    assert following(f"/v1/entries?prefix=agent&kind=mint&cursor={cursor}", stranger) == 422


@pytest.mark.parametrize("ref", ["nobody", "ent_" + "0" * 32, "evt_" + "0" * 32, "ent_x", "%00", "a" * 3000])
def test_an_entry_that_is_not_there_is_not_found(story, ref):
    answer = story.api.get(f"/v1/entries/{ref}")

    assert (answer.status_code, answer.json()["code"]) == (404, "entry_not_found")


def test_a_detail_has_no_query_parameters(story):
    answer = story.api.get(f"/v1/entries/{story.told[0]['id']}?limit=1")

    assert (answer.status_code, answer.json()["field"]) == (422, "limit")
