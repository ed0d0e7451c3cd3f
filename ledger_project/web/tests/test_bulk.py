"""POST /v1/bulk: up to 1,000 commands, all or none of them, or each for itself."""

from typing import Any

import pytest

from ledger_project.testing.api import Api, refused
from ledger_project.testing.ledger import Ledger


def item(command: str, key: str | None = None, /, **args: Any) -> dict[str, Any]:
    return {"command": command, "idempotency_key": key or f"{command}:{args}", "args": args}


def pay(amount: Any, key: str | None = None) -> dict[str, Any]:
    return item("transfer", key, from_account="alice", to_account="bob", amount=amount)


@pytest.fixture
def books(api: Api) -> Api:
    api.ledger.open("alice", funded=100)
    api.ledger.open("bob")
    return api


def test_a_batch_of_any_commands_is_accepted_whole(api: Api) -> None:
    commands = [
        item("register_currency", code="USD", scale=2),
        item("open_account", name="carl", currency="USD"),
        item("mint", account="carl", amount="500"),
        item("freeze_account", account="carl", reason="audit"),
    ]

    response = api.post("/v1/bulk", {"atomic": True, "commands": commands})

    results = response.json()["results"]
    assert response.status_code == 200
    assert [(each["status"], each["replayed"], each["event"]["command"]) for each in results] == [
        (201, False, "register_currency"),
        (201, False, "open_account"),
        (201, False, "mint"),
        (201, False, "freeze_account"),
    ]
    assert results[3]["account"]["status"] == "frozen"
    assert api.ledger.balance("carl") == {"available": 500}


def test_an_item_is_answered_as_the_call_alone_would_be(books: Api) -> None:
    alone = books.post("/v1/transfers", pay(10)["args"], key="k").json()

    [result] = books.post("/v1/bulk", {"commands": [pay(10, "k")]}).json()["results"]

    assert result == {"status": 201, "replayed": True, **alone}


@pytest.mark.parametrize(
    ("bad", "status", "code"),
    [
        (pay(91), 402, "insufficient_funds"),
        (pay(1.5), 422, "invalid_amount"),
        (item("transfer", from_account="alice", to_account="nobody", amount=1), 404, "account_not_found"),
        (item("no_such_command"), 422, "invalid_request"),
        ({"command": "mint", "args": {}}, 400, "idempotency_key_required"),
        ({"command": "mint", "idempotency_key": "", "args": {}}, 400, "idempotency_key_required"),
        ({"command": "mint", "idempotency_key": "k", "args": []}, 422, "invalid_request"),
        ({"command": ["mint"], "idempotency_key": "k", "args": {}}, 422, "invalid_request"),
        ({"command": "mint", "idempotency_key": 7, "args": {}}, 422, "invalid_request"),
    ],
)
def test_an_atomic_batch_is_refused_whole_and_says_where(books: Api, bad: Any, status: int, code: str) -> None:
    before = books.ledger.size()

    problem = refused(books.post("/v1/bulk", {"commands": [pay(10), bad, pay(20)]}), 422, "batch_refused")

    assert problem["index"] == 1
    assert (problem["problem"]["status"], problem["problem"]["code"]) == (status, code)
    assert problem["problem"]["request_id"] == problem["request_id"]
    assert books.ledger.size() == before


def test_independent_commands_are_refused_alone_and_in_order(books: Api) -> None:
    commands = [pay(60), pay(41), pay(1.5), pay(40), item("mint", account="nobody", amount=1), item("no_such_command")]

    results = books.post("/v1/bulk", {"atomic": False, "commands": commands}).json()["results"]

    assert [each["status"] for each in results] == [201, 402, 422, 201, 404, 422]
    assert results[1]["problem"]["code"] == "insufficient_funds"
    assert results[1]["problem"]["shortfall"] == "1"
    assert results[2]["problem"]["field"] == "amount"
    assert books.ledger.balance("bob") == {"available": 100}


def test_half_a_character_is_refused_alone(books: Api) -> None:
    commands = [pay(60), item("transfer", "odd", **{"amount\ud800": "1"}), pay(40)]

    results = books.post("/v1/bulk", {"atomic": False, "commands": commands}).json()["results"]

    assert [each["status"] for each in results] == [201, 422, 201]
    assert results[1]["problem"]["field"] == "amount\ud800"


@pytest.mark.parametrize("atomic", [True, False])
@pytest.mark.parametrize("where", ["body", "query"])
def test_a_rehearsed_batch_stores_nothing_though_it_builds_on_itself(api: Api, atomic: bool, where: str) -> None:
    commands = [
        item("open_account", name="carl"),
        item("mint", account="carl", amount=5),
        item("ensure_account", account="dora", initial_balance=7),
        item("transfer", from_account="carl", to_account="dora", amount=5),
    ]
    before = api.ledger.size()
    body: dict[str, Any] = {"atomic": atomic, "commands": commands} | ({"dry_run": True} if where == "body" else {})

    results = api.post("/v1/bulk" + ("?dry_run=true" if where == "query" else ""), body).json()["results"]

    assert [(each["status"], each["dry_run"]) for each in results] == [(200, True)] * 4
    assert [(balance["name"], balance["available"]) for balance in results[3]["balances"]] == [
        ("carl", "0"),
        ("dora", "12"),
    ]
    assert api.ledger.size() == before


def test_a_repeated_batch_is_answered_the_same_and_not_repeated(books: Api) -> None:
    body = {"commands": [pay(10, "a"), pay(20, "b")]}
    first = books.post("/v1/bulk", body).json()["results"]
    before = books.ledger.size()

    again = books.post("/v1/bulk", body).json()["results"]

    assert again == [each | {"replayed": True} for each in first]
    assert books.ledger.size() == before


def test_one_key_twice_in_a_batch_is_one_call(books: Api) -> None:
    results = books.post("/v1/bulk", {"commands": [pay(10, "k"), pay("10", "k")]}).json()["results"]

    assert [each["replayed"] for each in results] == [False, True]
    assert results[0]["event"] == results[1]["event"]
    assert books.ledger.balance("bob") == {"available": 10}
    problem = refused(books.post("/v1/bulk", {"commands": [pay(1, "j"), pay(2, "j")]}), 422, "batch_refused")
    assert (problem["index"], problem["problem"]["code"]) == (1, "idempotency_key_reused")


def test_every_command_needs_its_own_scope(ledger: Ledger) -> None:
    ledger.open("alice", "bob", funded=10)
    api = Api(ledger, "journal.transfer")
    commands = [pay(1), item("mint", account="alice", amount=1)]

    atomic = refused(api.post("/v1/bulk", {"commands": commands}), 422, "batch_refused")
    assert (atomic["index"], atomic["problem"]["code"], atomic["problem"]["scope"]) == (1, "forbidden", "journal.mint")

    alone = api.post("/v1/bulk", {"atomic": False, "commands": commands}).json()["results"]
    assert [each["status"] for each in alone] == [201, 403]
    assert ledger.balance("alice") == {"available": 9}


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        ({}, "commands", "invalid_request"),
        ({"commands": []}, "commands", "invalid_request"),
        ({"commands": {}}, "commands", "invalid_request"),
        ({"commands": [7]}, "commands[0]", "invalid_request"),
        ({"commands": [{}] * 1001}, "commands", "invalid_request"),
        ({"commands": [pay(1) | {"retry": True}]}, "commands[0].retry", "unknown_field"),
        ({"commands": [pay(1)], "atomic": "yes"}, "atomic", "invalid_request"),
        ({"commands": [pay(1)], "dry_run": 1}, "dry_run", "invalid_request"),
        ({"commands": [pay(1)], "mode": "fast"}, "mode", "unknown_field"),
    ],
)
def test_a_batch_that_is_none_is_refused_by_its_field(books: Api, body: Any, field: str, code: str) -> None:
    before = books.ledger.size()

    assert refused(books.post("/v1/bulk", body), 422, code)["field"] == field

    assert books.ledger.size() == before


def test_a_thousand_commands_go_at_once(books: Api) -> None:
    commands = [item("mint", f"m-{n}", account="bob", amount=n + 1) for n in range(1000)]

    results = books.post("/v1/bulk", {"commands": commands}).json()["results"]

    assert {each["status"] for each in results} == {201}
    assert results[-1]["balances"][-1]["available"] == str(sum(range(1001)))
    assert books.ledger.balance("bob") == {"available": sum(range(1001))}
