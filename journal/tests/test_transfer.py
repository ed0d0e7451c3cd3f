"""transfer: money moves from one account to another, once per key, or not at all."""

import pytest

from accounts.errors import (
    AccountClosed,
    AccountFrozen,
    AccountNotFound,
    CurrencyMismatch,
    InsufficientFunds,
    NormalBalanceMismatch,
    SameAccount,
)
from ledger_project.kernel.errors import IdempotencyKeyReused
from ledger_project.testing.ledger import Ledger


@pytest.fixture
def books(ledger: Ledger) -> Ledger:
    ledger.open("alice", funded=100)
    ledger.open("bob")
    return ledger


def test_a_transfer_moves_money_and_says_so(books: Ledger) -> None:
    answer = books.answer("transfer", from_account="alice", to_account="bob", amount="10", job_id="job_123")

    assert books.balance("alice") == {"available": 90}
    assert books.balance("bob") == {"available": 10}
    assert books.tail() == ["transfer.posted"]
    assert answer["entry"]["references"] == {"job_id": "job_123"}
    assert [(leg["name"], leg["amount"], leg["balance_after"]) for leg in answer["entry"]["postings"]] == [
        ("alice", "10", "90"),
        ("bob", "-10", "10"),
    ]
    assert [(b["name"], b["available"], b["total_in"], b["total_out"]) for b in answer["balances"]] == [
        ("alice", "90", "100", "10"),
        ("bob", "10", "10", "0"),
    ]


def test_the_same_key_answers_the_same_and_moves_nothing_again(books: Ledger) -> None:
    first = books.answer("transfer", key="k", from_account="alice", to_account="bob", amount=10)

    again = books.answer("transfer", key="k", from_account="alice", to_account="bob", amount="10")

    assert again == first
    assert books.balance("bob") == {"available": 10}


def test_a_replay_does_not_ask_whether_the_accounts_would_still_do(books: Ledger) -> None:
    first = books.answer("transfer", key="k", from_account="alice", to_account="bob", amount=100)
    books.run("close_account", account="alice")

    assert books.answer("transfer", key="k", from_account="alice", to_account="bob", amount=100) == first


def test_another_content_under_the_same_key_is_refused_by_field(books: Ledger) -> None:
    first = books.run("transfer", key="k", from_account="alice", to_account="bob", amount=10)

    with pytest.raises(IdempotencyKeyReused) as refused:
        books.run("transfer", key="k", from_account="alice", to_account="bob", amount=11, job_id="j")

    assert refused.value.facts == {"fields": ["amount", "job_id"], "event": first.document["id"]}
    assert books.balance("bob") == {"available": 10}


def test_a_refused_call_leaves_its_key_free(books: Ledger) -> None:
    with pytest.raises(InsufficientFunds):
        books.run("transfer", key="k", from_account="bob", to_account="alice", amount=10)
    books.run("mint", account="bob", amount=10)

    books.run("transfer", key="k", from_account="bob", to_account="alice", amount=10)

    assert books.balance("alice") == {"available": 110}


def test_a_rehearsal_shows_the_balances_and_stores_nothing(books: Ledger) -> None:
    before = books.size()

    answer = books.answer("transfer", dry_run=True, from_account="alice", to_account="bob", amount=10)

    assert answer["dry_run"] is True
    assert [balance["available"] for balance in answer["balances"]] == ["90", "10"]
    assert books.size() == before
    assert books.balance("alice") == {"available": 100}


def test_insufficient_funds_say_how_much_is_missing(books: Ledger) -> None:
    with pytest.raises(InsufficientFunds) as refused:
        books.run("transfer", from_account="alice", to_account="bob", amount=101)

    assert refused.value.facts == {
        "account": "alice",
        "bucket": "available",
        "required": "101",
        "available": "100",
        "shortfall": "1",
        "currency": "CRD",
    }


def _other_currency(books: Ledger) -> None:
    books.run("register_currency", code="EUR", scale=2)
    books.run("open_account", name="euro", currency="EUR")


REFUSALS = [
    # Each case makes all conditions after it true as well where it can, so the order is what is tested.
    (AccountNotFound, {"from_account": "nobody", "to_account": "noone"}, None),
    (AccountNotFound, {"from_account": "alice", "to_account": "noone"}, None),
    (SameAccount, {"from_account": "bob", "to_account": "bob"}, None),
    (CurrencyMismatch, {"from_account": "bob", "to_account": "euro"}, _other_currency),
    (NormalBalanceMismatch, {"from_account": "bob", "to_account": "cash"}, lambda b: b.open("cash", type="asset")),
    (AccountClosed, {"from_account": "bob", "to_account": "alice"}, lambda b: b.run("close_account", account="bob")),
    (AccountFrozen, {"from_account": "bob", "to_account": "alice"}, lambda b: b.run("freeze_account", account="bob")),
    (InsufficientFunds, {"from_account": "bob", "to_account": "alice"}, None),
    (AccountClosed, {"from_account": "alice", "to_account": "bob"}, lambda b: b.run("close_account", account="bob")),
]


@pytest.mark.parametrize(("refusal", "accounts", "prepare"), REFUSALS)
def test_refusals_come_in_their_order_and_move_nothing(books: Ledger, refusal, accounts, prepare) -> None:  # type: ignore[no-untyped-def]
    if prepare:
        prepare(books)
    before = books.size()

    with pytest.raises(refusal):
        books.run("transfer", amount=50, **accounts)

    assert books.size() == before
    assert books.balance("alice") == {"available": 100}


def test_money_may_come_into_a_frozen_account(books: Ledger) -> None:
    books.run("freeze_account", account="bob")

    books.run("transfer", from_account="alice", to_account="bob", amount=1)

    assert books.balance("bob") == {"available": 1}


def test_thirty_eight_digits_travel_exactly(ledger: Ledger) -> None:
    ledger.run("register_currency", code="WEI", scale=18)
    most = 10**38 - 1
    for name in ("whale", "vault"):
        ledger.run("open_account", name=name, currency="WEI")
    ledger.run("mint", account="whale", amount=str(most))

    answer = ledger.answer("transfer", from_account="whale", to_account="vault", amount=most)

    assert answer["balances"][1]["available"] == "9" * 38
    assert ledger.balance("vault") == {"available": most}
