"""Promised money over HTTP: every address once, then lists, and what is refused."""

import pytest

from holds.tests.story import Story, later
from ledger_project.testing.api import Api, refused


@pytest.fixture
def api(books: Story) -> Api:
    return Api(books)


def posted(response) -> dict:
    assert response.status_code == 201, response.content
    return response.json()


def test_a_hold_from_placing_to_capture(api: Api, books: Story) -> None:
    body = {"account": "alice", "amount": "60", "to_account": "shop", "reason": "GPU", "references": {"job": "j1"}}
    hold = posted(api.post("/v1/holds", body))["hold"]
    address = f"/v1/holds/{hold['id']}"

    assert api.get(address).json() == hold
    extended = posted(api.post(f"{address}/extend", {"expires_in": 30 * 24 * 3600}))["hold"]
    assert extended["expires_at"] > hold["expires_at"]
    part = posted(api.post(f"{address}/capture", {"amount": 20, "final": False, "order_id": "o1"}))
    assert (part["hold"]["remaining"], part["hold"]["status"]) == ("40", "pending")
    assert [(balance["name"], balance["available"], balance["held"]) for balance in part["balances"]] == [
        ("alice", "40", "40"),
        ("shop", "20", "0"),
    ]
    posted(api.post(f"{address}/release", {"amount": 10}))
    last = posted(api.post(f"{address}/capture"))["hold"]

    assert (last["captured"], last["released"], last["status"]) == ("50", "10", "captured")
    assert api.get(address).json() == last, "what is read later is what was answered"
    refused(api.post(f"{address}/capture"), 409, "hold_not_pending")
    refused(api.post(f"{address}/release"), 409, "hold_not_pending")


def test_an_expired_hold(api: Api, books: Story) -> None:
    hold = posted(api.post("/v1/holds", {"account": "alice", "amount": "60", "expires_in": 10}))["hold"]["id"]

    refused(api.post(f"/v1/holds/{hold}/expire"), 409, "hold_not_due")
    with later(seconds=10):
        problem = refused(api.post(f"/v1/holds/{hold}/capture"), 409, "hold_expired")
        assert problem["hold"] == hold
        assert posted(api.post(f"/v1/holds/{hold}/expire"))["hold"]["status"] == "expired"


def test_an_escrow_from_lock_to_decision(api: Api, books: Story) -> None:
    body = {"buyer": "alice", "seller": "shop", "amount": "60", "reference": "job_1", "expires_in": 60}
    escrow = posted(api.post("/v1/escrows", body))["escrow"]
    address = f"/v1/escrows/{escrow['id']}"

    assert posted(api.post(f"{address}/release", {"amount": 20, "fee": 2}))["escrow"]["remaining"] == "40"
    assert posted(api.post(f"{address}/refund", {"amount": 10}))["escrow"]["remaining"] == "30"
    assert posted(api.post(f"{address}/dispute", {"reason": "late"}))["escrow"]["status"] == "disputed"
    refused(api.post(f"{address}/release"), 409, "escrow_disputed")
    decided = posted(api.post(f"{address}/resolve", {"to_seller": "20", "to_buyer": "10"}))["escrow"]

    assert api.get(address).json() == decided
    assert (decided["status"], decided["captured"], decided["released"]) == ("resolved", "40", "20")


def test_a_stake_from_lock_to_slash(api: Api) -> None:
    stake = posted(api.post("/v1/stakes", {"account": "alice", "amount": "60", "escrow": "e1"}))["stake"]["id"]

    posted(api.post(f"/v1/stakes/{stake}/slash", {"amount": 20, "to_account": "shop", "trial": "t1"}))
    released = posted(api.post(f"/v1/stakes/{stake}/release"))["stake"]

    assert (released["status"], released["captured"]) == ("slashed", "20")
    assert api.get(f"/v1/stakes/{stake}").json() == released


def test_a_deposit_from_announcement_to_arrival(api: Api) -> None:
    body = {"account": "bob", "amount": "60", "source": "base", "external_ref": "0xfeed", "confirmed": False}
    deposit = posted(api.post("/v1/deposits", body))["deposit"]
    address = f"/v1/deposits/{deposit['id']}"

    assert api.get(address).json()["pending"] == "60"
    problem = refused(api.post("/v1/deposits", body), 409, "duplicate_deposit")
    assert problem["deposit"] == deposit["id"]
    assert problem["event"] == "evt_" + deposit["id"][4:]
    assert posted(api.post(f"{address}/fail", {"reason": "dropped"}))["deposit"]["status"] == "failed"
    confirmed = posted(api.post(f"{address}/confirm"))["deposit"]
    assert (confirmed["status"], confirmed["pending"]) == ("confirmed", "0")
    assert api.get(address).json() == confirmed


def test_a_withdrawal_from_request_to_payment(api: Api) -> None:
    body = {"account": "alice", "amount": "60", "destination": "0xa11ce"}
    first, second = (posted(api.post("/v1/withdrawals", {**body, "amount": n}))["withdrawal"]["id"] for n in (60, 40))

    paid = posted(api.post(f"/v1/withdrawals/{first}/confirm", {"external_ref": "0x1"}))["withdrawal"]
    problem = refused(
        api.post(f"/v1/withdrawals/{second}/confirm", {"external_ref": "0x1"}), 409, "duplicate_withdrawal"
    )
    failed = posted(api.post(f"/v1/withdrawals/{second}/fail", {"reason": "no such address"}))["withdrawal"]

    assert problem["withdrawal"] == first
    assert (paid["status"], failed["status"]) == ("confirmed", "failed")
    assert api.get(f"/v1/withdrawals/{first}").json() == paid


KINDS = ["holds", "escrows", "stakes", "deposits", "withdrawals"]


def test_lists_have_their_own_kind_in_pages(api: Api, books: Story) -> None:
    made = {
        "holds": [books.hold(1) for _ in range(5)],
        "escrows": [books.escrow(1) for _ in range(2)],
        "stakes": [books.stake(1) for _ in range(2)],
        "withdrawals": [books.withdrawal(1) for _ in range(2)],
        "deposits": [books.deposit(1, external_ref=str(n)) for n in range(2)],
    }

    for kind, each in made.items():
        assert [item["id"] for item in api.get(f"/v1/{kind}").json()["results"]] == each[::-1]
    page = api.get("/v1/holds?limit=3").json()
    rest = api.get(f"/v1/holds?limit=3&cursor={page['next']}").json()
    assert [item["id"] for item in page["results"] + rest["results"]] == made["holds"][::-1]
    assert rest["next"] is None


def test_filters_combine(api: Api, books: Story) -> None:
    books.run("mint", account="bob", amount=100)
    mine = books.hold(1, to_account="shop", references={"job": "j1"})
    other = books.hold(1, references={"job": "j2"})
    bobs = books.make("place_hold", account="bob", amount=1, to_account="shop", references={"job": "j1"})
    books.run("release_hold", hold=other)

    def found(query: str) -> list[str]:
        response = api.get(f"/v1/holds?{query}")
        assert response.status_code == 200, response.content
        return [item["id"] for item in response.json()["results"]]

    alice = books.stored(mine).account_id
    assert found("account=alice") == found(f"account=acc_{alice.hex}") == [other, mine]
    assert found("counterparty=shop") == [bobs, mine]
    assert found("references.job=j1") == [bobs, mine]
    assert found("references.job=j1&account=bob") == [bobs]
    assert found("status=released") == [other]
    assert found("status=pending&account=alice") == [mine]
    assert found("account=nobody") == []
    later_than_all = "from=2999-01-01T00:00:00Z"
    assert found(later_than_all) == []
    assert found("to=2999-01-01T00:00:00Z&account=bob") == [bobs]


def test_deposits_are_found_by_their_reference(api: Api, books: Story) -> None:
    first = books.deposit(1, external_ref="0x1", confirmed=False)
    books.deposit(1, external_ref="0x2")

    for query in (
        "external_ref=0x1",
        "status=announced",
        "source=base&external_ref=0x1",
        "account=alice&status=announced",
    ):
        assert [item["id"] for item in api.get(f"/v1/deposits?{query}").json()["results"]] == [first]


@pytest.mark.parametrize("kind", KINDS)
def test_another_tenants_promises_are_not_there(api: Api, kind: str) -> None:
    other = Story()
    other.open("alice", funded=100)
    other.open("shop")
    theirs = {
        "holds": other.hold,
        "escrows": other.escrow,
        "stakes": other.stake,
        "deposits": other.deposit,
        "withdrawals": other.withdrawal,
    }[kind](1)
    code = "deposit_not_found" if kind == "deposits" else "hold_not_found"
    verbs = {
        "holds": ["capture", "release", "expire"],
        "escrows": ["release", "refund"],
        "stakes": ["release"],
        "deposits": ["confirm"],
        "withdrawals": [],
    }[kind]

    refused(api.get(f"/v1/{kind}/{theirs}"), 404, code)
    assert api.get(f"/v1/{kind}").json()["results"] == []
    for verb in verbs:
        refused(api.post(f"/v1/{kind}/{theirs}/{verb}"), 404, code)
    for nonsense in ("hld_1", "nothing", "%00", "x" * 400):
        refused(api.get(f"/v1/{kind}/{nonsense}"), 404, code)


def test_a_kind_is_not_another(api: Api, books: Story) -> None:
    hold = books.hold(1)

    for kind in ("escrows", "stakes", "withdrawals"):
        refused(api.get(f"/v1/{kind}/{hold}"), 404, "hold_not_found")
    refused(api.post(f"/v1/escrows/{hold}/refund"), 404, "hold_not_found")


def test_scopes_are_the_apps(books: Story) -> None:
    reader, holder = Api(books, "read"), Api(books, "holds.place_hold")

    refused(reader.post("/v1/holds", {"account": "alice", "amount": 1}), 403, "forbidden")
    hold = posted(holder.post("/v1/holds", {"account": "alice", "amount": 1}))["hold"]["id"]
    refused(holder.post(f"/v1/holds/{hold}/capture"), 403, "forbidden")
    assert reader.get(f"/v1/holds/{hold}").status_code == 200


def test_a_list_asks_the_database_as_often_for_many_as_for_few(
    api: Api, books: Story, django_assert_max_num_queries
) -> None:
    for _ in range(3):
        books.execute(*(books.call("place_hold", account="alice", amount=1) for _ in range(10)))
    api.get("/v1/holds")

    with django_assert_max_num_queries(2):
        assert len(api.get("/v1/holds").json()["results"]) == 30
