"""Two accounts of one tenant and every address that is read: the key of one sees nothing of the other.

Alice and Bob each have one of everything, and all amounts of Bob's are marked. They never meet; both pay the shop. The
addresses are the ledger's own, so a new one is tried as soon as it is there.
"""

import io
import json
import re
import zipfile
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.http import StreamingHttpResponse
from rest_framework.views import APIView

from holds.tests.payments import authorised, wanted
from holds.topups import asking
from journal.account_events import MOVES
from journal.models import Entry
from journal.monitors import watching
from journal.statements import issuing
from ledger_project.kernel import clock
from ledger_project.log import documents, sealing
from ledger_project.log.executor import look
from ledger_project.log.models import Event
from ledger_project.testing.api import Api
from ledger_project.testing.ledger import Ledger
from ledger_project.web.api import keys_page
from ledger_project.web.api.sight import lets_in
from ledger_project.web.api.views import ListView
from ledger_project.webhooks import fanout

pytestmark = pytest.mark.slow

NAMES = {"alice": "zebra:alice", "bob": "walrus:bob"}
EVERYBODYS = ("/v1/currencies", "/v1/price-books")  # nothing there is any account's
MARKS = {"alice": 3000, "bob": 7_070_700_000}  # what all their amounts begin with
APART = {"/v1/events/stream": "webhooks/tests/test_streams_of_one_account.py"}
READ = [(path, view) for path, view in keys_page.views() if keys_page.reads(view) and path not in APART]
PATHS = [path for path, _ in READ]
LISTS = [path for path, view in READ if lets_in(view) and "{" not in path and issubclass(view, ListView)]


class World:
    """The tenant's books, with the ids of what each has by the names that addresses have for them."""

    def __init__(self) -> None:
        self.ledger = Ledger()
        self.tenant, self.reader = Api(self.ledger), Api(self.ledger, "read")
        self.ledger.run("open_account", name="shop")
        self.ids = {who: {"account": self._opened(who)} for who in NAMES}
        self.own = {who: Api(self.ledger, account=name) for who, name in NAMES.items()}
        for who in NAMES:
            self._live(who)
        sealing.seal()
        watching.watch()
        with clock.moved(timedelta(days=32)):
            issuing.issue_due(clock.now(), self.ledger.tenant)
        asking.ask_due()
        sealing.seal()
        for who in NAMES:
            fanout.spread_to(UUID(hex=self.ids[who]["webhook"][4:]))
        self.ids["bob"] |= self._shared()

    def _opened(self, who: str) -> str:
        made = self.ledger.run("open_account", name=NAMES[who], metadata={"note": NAMES[who]})
        return str(made.document["result"]["account"]["id"])

    def _live(self, who: str) -> None:
        """One of everything."""
        key, name, mark = self.own[who], NAMES[who], MARKS[who]
        amounts = iter(range(mark + 1, mark + 100))
        run, note = self.ledger.run, {"reference": name}
        run("mint", account=name, amount=mark * 100, **note)
        run("set_credit_limit", account=name, credit_limit=next(amounts))
        run("set_topup", account=name, below=mark * 10**6, amount=next(amounts), url=f"https://{who}.example/")
        run("register_monitor", account=name, operator="lt", value=mark * 99)
        run("publish_prices", book="llm", currency="CRD", rates=[{"model": "*", "metric": "requests", "price": "1"}])
        used = {"book": "llm", "model": "m", "metrics": {"requests": mark}}
        run("record_usage", account=name, request_id=name, **used)
        pay = {"account": name, "amount": 0}

        def made(path: str, body: dict[str, Any], noun: str, *, by: Api = key) -> str:
            response = by.post(f"/v1/{path}", {**body, **({"amount": next(amounts)} if "amount" in body else {})})
            assert response.status_code == 201, response.content
            return str(response.json()[noun]["id"])

        limit = {"window": "day", "limit": 10**9}
        transfer = {"from_account": name, "to_account": "shop", "amount": 0, **note}
        entry = made("transfers", transfer, "entry")
        session_key = made("session-keys", {"account": name, "max_total": mark * 2}, "session_key")
        made("spends", {**pay, "to_account": "shop", "session_key": session_key}, "entry")
        self.ids[who] |= {
            "address": self.ids[who]["account"],
            "entry": entry,
            "event": entry.replace("ent_", "evt_"),
            "session_key": session_key,
            "hold": made("holds", {**pay, "to_account": "shop", "reason": name}, "hold"),
            "escrow": made("escrows", {"buyer": name, "seller": "shop", "amount": 0, **note}, "escrow"),
            "stake": made("stakes", {**pay, "trial": name}, "stake"),
            "withdrawal": made("withdrawals", {**pay, "destination": name}, "withdrawal"),
            "deposit": made(
                "deposits",
                {**pay, "source": "bank", "external_ref": name, "confirmed": False},
                "deposit",
                by=self.tenant,
            ),
            "grant": made("promo-mints", pay, "promo_grant", by=self.tenant),
            "budget": made("budgets", {"name": f"of {name}", "account": name, **limit}, "budget", by=self.tenant),
            "monitor": made("monitors", {"account": name, "operator": "gt", "value": mark}, "monitor"),
            "webhook": made("webhooks", {"url": f"https://{who}.example/", "types": ["*"]}, "webhook"),
            "api_key": made("api-keys", {"name": name, "scopes": ["read"], "account": name}, "api_key"),
        }
        authorised(key, wanted(key, next(amounts), "exact"))
        run("freeze_account", account=name, reason=name)
        run("unfreeze_account", account=name, reason=name)

    def _shared(self) -> dict[str, str]:
        """What is the tenant's."""
        make = self.tenant.post
        self.ledger.run("open_clearing_account", domain="them")
        transfer = {"from_account": "shop", "to_account": "clearing:them", "amount": 3}
        assert make("/v1/transfers", transfer).status_code == 201
        file = {"account": "shop", "name": "a bank", "format": "csv", "content": "date,amount\n2026-10-01,1\n"}
        asset = {"name": "gold", "asset_type": "fiat", "provider": "bank", "unit": "CRD", "max_age_seconds": 3600}
        assert make("/v1/reserves/assets", asset).status_code == 201
        made = {
            "settlement": make("/v1/settlements", {"netting_batch_id": "batch"}).json()["settlement"]["id"],
            "external_statement": make("/v1/external-statements", file).json()["external_statement"]["id"],
            "reconciliation": make("/v1/reconciliations", {}).json()["reconciliation"]["id"],
        }
        sealing.seal()
        made["attestation"] = make("/v1/attestations").json()["attestation"]["id"]
        self.ids["alice"] |= made
        return made

    def address(self, path: str, who: str) -> str:
        """With what the path names of this account's."""
        named = {**self.ids[who], "export": "hledger"}
        address = re.sub(r"{(\w+)}", lambda found: named[found[1]], path)
        needs = {"/v1/audit-archive": "?period=2026", "/v1/log/consistency": "?from=1", "/v1/log/leaves": "?from=0"}
        return address + needs.get(path, "")

    def secrets(self) -> re.Pattern[bytes]:
        """Whatever is Bob's: his ids, his name, his amounts and what he has of them."""
        balance = self.tenant.get(f"/v1/accounts/{NAMES['bob']}/balance").json()
        words = {*self.ids["bob"].values()} - {*self.ids["alice"].values()} | {NAMES["bob"], "bob.example"}
        words |= {self.own["bob"].id, self.own["bob"].prefix}
        words |= {str(value) for value in balance.values() if str(value).isdigit() and len(str(value)) > 5}
        return re.compile("|".join(["70707[0-9]+", *map(re.escape, sorted(words))]).encode())


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any) -> Iterator[World]:
    with django_db_blocker.unblock():
        made = World()
        yield made
        for who, key in made.own.items():  # senders serve all tenants
            key.post(f"/v1/webhooks/{made.ids[who]['webhook']}", method="DELETE")


def content_of(response: Any) -> bytes:
    with closing(response):
        content = b"".join(response) if isinstance(response, StreamingHttpResponse) else bytes(response.content)
    if not content.startswith(b"PK"):
        return content
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        return b"".join(map(packed.read, packed.namelist()))


@pytest.mark.parametrize(("path", "view"), READ, ids=PATHS)
def test_each_key_is_answered_as_the_table_says_and_told_nothing_of_the_other(
    world: World, path: str, view: type[APIView]
) -> None:
    own, other = keys_page.seen(path, view)
    mine, theirs = world.address(path, "alice"), world.address(path, "bob")

    for key in (world.tenant, world.reader):
        for address in (mine, theirs):
            with closing(key.get(address)) as answer:
                assert answer.status_code == 200
    answers = world.own["alice"].get(mine), world.own["alice"].get(theirs)
    assert [answer.status_code for answer in answers] == [own, other]
    seen = content_of(answers[0]) + content_of(answers[1]).replace(theirs.encode(), b"")
    if other == 404:
        # What is another's is not there: the answer is what it is for an id or a name that nobody has.
        assert _without(answers[1], world.ids["bob"], path) == _without(_of_nobody(world, path), {}, path)
        seen = content_of(answers[0])
    found = set(world.secrets().findall(seen))
    if "proof" in path:
        # A sum tree's proof has the totals beside its path, and beside a leaf that is one holder's, whoever it is.
        totals = {each["total"].encode() for each in answers[0].json()["path"]}
        found -= totals
    assert found == set()
    bobs = world.own["bob"].get(theirs)
    assert bobs.status_code == own
    if own == 200 and path not in (
        "/v1/currencies",
        "/v1/price-books",
        "/v1/log/checkpoint",
        "/v1/log/consistency",
        "/x402/supported",
    ):
        assert world.secrets().search(content_of(bobs)), "Bob's own key sees nothing of Bob's here"


def _of_nobody(world: World, path: str) -> Any:
    named = {**world.ids["bob"], "account": f"acc_{0:032x}", "address": f"acc_{0:032x}"}
    nobody = re.sub(r"{(\w+)}", lambda found: named[found[1]][:4] + "0" * 32, path)
    return world.own["alice"].get(nobody)


def _without(response: Any, ids: dict[str, str], path: str) -> Any:
    problem = response.json()
    text = json.dumps({name: value for name, value in problem.items() if name != "request_id"})
    return re.sub(r"[a-z]{3}_[0-9a-f]{32}", "id", text)


FILTERS = ["account", "counterparty", "prefix", "idempotency_key", "references.reference", "reference"]


@pytest.mark.parametrize("path", LISTS)
def test_no_filter_finds_what_is_anothers(world: World, path: str) -> None:
    """Each filter of a list that can name something of Bob's; for the tenant's key some of them find it."""
    key = f"api-{world.own['bob'].prefix}-0"
    values = {"account": NAMES["bob"], "prefix": "walrus", "idempotency_key": key}
    for name in FILTERS:
        value = values.get(name, NAMES["bob"])
        answer = world.own["alice"].get(f"{path}?{name}={value}")
        if answer.status_code == 422:
            assert answer.json()["code"] == "unknown_field"
        else:
            assert (answer.status_code, answer.json()) == (200, {"results": [], "next": None}), name
    grouped = world.own["alice"].get("/v1/balances?group_by=currency").json()["results"]
    assert [group["accounts"] for group in grouped] == [1]


@pytest.mark.parametrize("path", LISTS)
def test_what_a_key_sees_of_a_list_is_what_the_tenant_sees_of_its_account(world: World, path: str) -> None:
    """Nothing is left out either, whatever the size of a page, and no page says more than another."""
    whole = pages(world.own["alice"], path, 500)

    assert undated(pages(world.own["alice"], path, 1)) == undated(whole)
    tenants = pages(world.tenant, path, 500)
    alice = world.ids["alice"]["account"]
    if path == "/v1/events":
        wanted = [each for each in tenants if concerns(each["id"], alice)]
    elif path in ("/v1/entries", "/v1/transfers"):
        wanted = [each for each in tenants if alice in json.dumps(each)]
        wanted = [each | {"postings": hidden(each["postings"], alice)} for each in wanted]
    else:
        wanted = [
            each for each in tenants if alice in json.dumps(each) or path in ("/v1/currencies", "/v1/price-books")
        ]
    assert undated(whole) == undated(wanted)
    assert whole


def undated(rows: list[Any]) -> Any:
    """Balances are as of the moment at which they are read."""
    return json.loads(re.sub(r'"as_of": "[^"]+"', '"as_of": ""', json.dumps(rows)))


def pages(api: Api, path: str, limit: int) -> list[Any]:
    """All that a list has."""
    found: list[Any] = []
    cursor = ""
    while True:
        page = api.get(f"{path}?limit={limit}{cursor}").json()
        assert len(page["results"]) <= limit
        found += page["results"]
        if page["next"] is None:
            return found
        cursor = f"&cursor={page['next']}"


def concerns(event: str, account: str) -> bool:
    key = UUID(hex=event[4:])
    return documents.concerns(documents.read([key], look)[key][0], account)


def hidden(postings: list[Any], account: str) -> list[Any]:
    return [each if each["account"] == account else each | {"balance_after": None} for each in postings]


@pytest.mark.parametrize("query", ["type=hold.placed", "type=transfer.posted", "command=spend", "type=account.frozen"])
def test_events_of_an_account_can_be_asked_for_by_type(world: World, query: str) -> None:
    found = world.own["alice"].get(f"/v1/events?{query}").json()["results"]

    everybodys = world.tenant.get(f"/v1/events?{query}").json()["results"]
    assert found == [each for each in everybodys if concerns(each["id"], world.ids["alice"]["account"])]
    assert len(found) == 1


def test_the_feed_of_an_account_is_the_tenants_less_what_does_not_concern_it(world: World) -> None:
    found = world.own["alice"].get("/v1/events?after=-1&limit=500").json()["results"]
    everybodys = world.tenant.get("/v1/events?after=-1&limit=500").json()["results"]

    assert found == [each for each in everybodys if concerns(each["id"], world.ids["alice"]["account"])]
    assert sorted(each["type"] for each in found) == ALICES
    assert pages_of_feed(world.own["alice"]) == found


ALICES = [
    "account.frozen",
    "account.opened",
    "account.unfrozen",
    "api_key.issued",
    "api_key.issued",
    "budget.set",
    "credit_limit.set",
    "credits.minted",
    "deposit.recorded",
    "escrow.locked",
    "hold.placed",
    "monitor.registered",
    "monitor.registered",
    "monitor.triggered",
    "payment.authorized",
    "promo.minted",
    "session_key.issued",
    "spend.posted",
    "stake.locked",
    "statement.issued",
    "topup.requested",
    "topup.set",
    "transfer.posted",
    "usage.recorded",
    "webhook.registered",
    "withdrawal.requested",
]


def pages_of_feed(api: Api) -> list[Any]:
    page = api.get("/v1/events?after=-1&limit=2").json()
    found = page["results"]
    while page["next"]:
        page = api.get(f"/v1/events?after=-1&limit=2&cursor={page['next']}").json()
        found += page["results"]
    return list(found)


def test_a_page_that_has_looked_at_enough_goes_on_in_the_next(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = pages(world.own["alice"], "/v1/events", 500), pages_of_feed(world.own["alice"])
    monkeypatch.setattr("journal.account_events.LOOKED_AT", 3)

    assert (pages(world.own["alice"], "/v1/events", 500), pages_of_feed(world.own["alice"])) == whole


def test_a_cursor_is_of_one_key_s_list(world: World) -> None:
    cursor = world.tenant.get("/v1/events?limit=1").json()["next"]

    answer = world.own["alice"].get(f"/v1/events?limit=1&cursor={cursor}")

    assert (answer.status_code, answer.json()["field"]) == (422, "cursor")


def test_types_that_are_found_by_postings_alone_always_have_an_entry(world: World) -> None:
    moved = Event.objects.filter(tenant=world.ledger.tenant, type__in=MOVES)

    assert {event.pk for event in moved} <= set(
        Entry.objects.filter(tenant=world.ledger.tenant).values_list("pk", flat=True)
    )
    for event in moved:
        document = documents.read([event.pk], look)[event.pk][0]
        nouns = [noun for noun in document["result"].values() if isinstance(noun, dict)]
        moves = {posting["account"] for posting in document["entry"]["postings"]}
        assert {noun.get("account") for noun in nouns} - {None} <= moves


def test_what_a_payment_shows_of_who_was_paid() -> None:
    """Alice pays Bob, who has 900: her answer, her entry, her event and her receipt."""
    ledger = Ledger()
    ledger.open("alice", "bob", funded=900)
    alice = Api(ledger, account="alice")
    sent = {"from_account": "alice", "to_account": "bob", "amount": 7}

    for path, body in (
        ("/v1/transfers", sent),
        ("/v1/transfers?dry_run=true", sent),
        ("/v1/bulk", {"commands": [{"command": "transfer", "idempotency_key": "b", "args": sent}]}),
    ):
        answer = alice.post(path, body).json()
        shown = answer["results"][0] if "results" in answer else answer
        assert [each["name"] for each in shown["balances"]] == ["alice"]
        known = {each["name"]: each["balance_after"] is not None for each in shown["entry"]["postings"]}
        assert known == {"alice": True, "bob": False}
    entry = shown["entry"]["id"]
    for read in (f"/v1/entries/{entry}", "/v1/entries", "/v1/transfers", "/v1/accounts/alice/entries"):
        found = alice.get(read).json()
        one = found["results"][0] if "results" in found else found
        assert {each["name"]: each["balance_after"] for each in one["postings"]} == {"alice": "886", "bob": None}
        assert {each["name"]: each["amount"] for each in one["postings"]} == {"alice": "7", "bob": "-7"}
    whole = Api(ledger).get(f"/v1/entries/{entry}").json()
    assert {each["name"]: each["balance_after"] for each in whole["postings"]} == {"alice": "886", "bob": "914"}
    assert [alice.get(f"/v1/accounts/bob{more}").status_code for more in ("", "/balance", "/entries")] == [404] * 3
    assert alice.get("/v1/entries?account=bob").json()["results"][0]["id"] == entry


def test_whose_session_key_paid_is_not_the_payees_to_know() -> None:
    ledger = Ledger()
    ledger.open("alice", "bob", funded=900)
    made = Api(ledger, account="bob").post("/v1/session-keys", {"account": "bob", "max_total": 555}).json()
    spend = {"account": "bob", "to_account": "alice", "amount": 5, "session_key": made["session_key"]["id"]}
    event = Api(ledger, account="bob").post("/v1/spends", spend).json()["event"]["id"]
    key = [each.pk for each in Event.objects.filter(tenant=ledger.tenant) if f"evt_{each.pk.hex}" == event]
    document = documents.read(key, look)[key[0]][0]
    alice, bob = (str(Api(ledger).get(f"/v1/accounts/{name}").json()["id"]) for name in ("alice", "bob"))

    assert documents.concerns(document, alice)
    seen = documents.seen_by(document, alice)

    assert seen["result"]["session_key"] is None
    assert documents.seen_by(document, bob)["result"]["session_key"]["max_total"] == "555"
    assert [balance[1:3] for balance in seen["result"]["balances"]] == [[2, "905"]]
    after = {posting["account"]: posting["balance_after"] for posting in seen["entry"]["postings"]}
    assert after == {alice: "905", bob: None}
