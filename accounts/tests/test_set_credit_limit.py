"""set_credit_limit: how far an account may draw beyond what it has."""

import pytest

from accounts.errors import AccountClosed, AccountNotFound, AccountUnbounded, CreditLimitExceeded, InsufficientFunds
from ledger_project.log.executor import BatchRefused
from ledger_project.testing.ledger import Ledger


@pytest.fixture
def books(ledger: Ledger) -> Ledger:
    ledger.open("alice", funded=10)
    ledger.open("shop")
    return ledger


def test_a_limit_lets_a_transfer_draw_the_shortfall(books: Ledger) -> None:
    answer = books.answer("set_credit_limit", account="alice", credit_limit="50")
    books.run("transfer", from_account="alice", to_account="shop", amount=40)

    assert answer["account"]["balance"]["credit_limit"] == "50"
    assert answer["entry"] is None
    assert books.balance("alice") == {"credit_used": 30}
    assert books.balance("shop") == {"available": 40}


def test_a_limit_below_use_refuses_new_draws_and_breaks_nothing(books: Ledger) -> None:
    books.run("set_credit_limit", account="alice", credit_limit=50)
    books.run("transfer", from_account="alice", to_account="shop", amount=40)

    books.run("set_credit_limit", account="alice", credit_limit=5)

    with pytest.raises(InsufficientFunds) as refused:
        books.run("transfer", from_account="alice", to_account="shop", amount=1)
    assert refused.value.facts["available"] == "0"
    with pytest.raises(CreditLimitExceeded):
        books.run("draw_credit", account="alice", amount=1)
    books.run("transfer", from_account="shop", to_account="alice", amount=35)
    assert books.balance("alice") == {"available": 5}
    books.run("transfer", from_account="alice", to_account="shop", amount=10)
    assert books.balance("alice") == {"credit_used": 5}


def test_a_limit_of_zero_ends_the_line(books: Ledger) -> None:
    books.run("set_credit_limit", account="alice", credit_limit=50)
    books.run("set_credit_limit", account="alice", credit_limit=0)

    with pytest.raises(InsufficientFunds):
        books.run("transfer", from_account="alice", to_account="shop", amount=11)


REFUSALS = [
    (AccountNotFound, "nobody"),
    (AccountUnbounded, "fees"),
    (AccountClosed, "gone"),
]


@pytest.mark.parametrize(("refusal", "account"), REFUSALS)
def test_refusals(books: Ledger, refusal, account) -> None:
    books.open("fees", unbounded=True)
    books.open("gone")
    for name in ("fees", "gone"):
        books.run("close_account", account=name)
    before = books.size()

    with pytest.raises(refusal):
        books.run("set_credit_limit", account=account, credit_limit=5)

    assert books.size() == before


def test_a_batch_may_draw_and_then_lower_the_limit_below_the_use(books: Ledger) -> None:
    """Each row is written once for the whole batch, and what was drawn is then above a limit that came after it."""
    books.run("set_credit_limit", account="alice", credit_limit=50)
    steps = [
        books.call("transfer", from_account="alice", to_account="shop", amount=40),
        books.call("set_credit_limit", account="alice", credit_limit=5),
        books.call("burn", account="shop", amount=1),
    ]

    results = books.execute(*steps, atomic=True)

    assert not any(isinstance(result, Exception) for result in results)
    assert books.balance("alice") == {"credit_used": 30}
    assert books.balance("shop") == {"available": 39}


def test_of_such_a_batch_the_call_at_fault_is_named(books: Ledger) -> None:
    books.run("set_credit_limit", account="alice", credit_limit=50)
    before = books.size()
    steps = [
        books.call("transfer", from_account="alice", to_account="shop", amount=40),
        books.call("set_credit_limit", account="alice", credit_limit=5),
        books.call("transfer", from_account="alice", to_account="shop", amount=1),
    ]

    with pytest.raises(BatchRefused) as refused:
        books.execute(*steps, atomic=True)

    assert refused.value.index == 2
    assert isinstance(refused.value.results[2], InsufficientFunds)
    assert books.size() == before
