"""repay_credit: drawn credit is paid back from available money."""

import pytest

from accounts.errors import AccountClosed, AccountFrozen, AccountNotFound, InsufficientFunds
from journal.errors import RepaymentExceedsCredit
from ledger_project.testing.ledger import Ledger


@pytest.fixture
def books(ledger: Ledger) -> Ledger:
    """Alice drew 30 and has them, Bob spent what he drew."""
    ledger.open("alice", "bob", "shop")
    for name in ("alice", "bob"):
        ledger.run("set_credit_limit", account=name, credit_limit=50)
        ledger.run("draw_credit", account=name, amount=30)
    ledger.run("transfer", from_account="bob", to_account="shop", amount=25)
    return ledger


def test_repaying_gives_the_line_back(books: Ledger) -> None:
    answer = books.answer("repay_credit", account="alice", amount=20)

    assert books.balance("alice") == {"available": 10, "credit_used": 10}
    assert books.tail() == ["credit.repaid"]
    assert [(leg["bucket"], leg["amount"]) for leg in answer["entry"]["postings"]] == [
        ("credit_used", "-20"),
        ("available", "20"),
    ]


REFUSALS = [
    (AccountNotFound, "nobody", 1, {"account": "nobody"}),
    (RepaymentExceedsCredit, "alice", 31, {"account": "alice", "asked": "31", "used": "30"}),
    (
        InsufficientFunds,
        "bob",
        6,
        {
            "account": "bob",
            "bucket": "available",
            "required": "6",
            "available": "5",
            "shortfall": "1",
            "currency": "CRD",
        },
    ),
]


@pytest.mark.parametrize(("refusal", "account", "amount", "facts"), REFUSALS)
def test_no_more_than_was_drawn_and_is_there(books: Ledger, refusal, account, amount, facts) -> None:
    before = books.size()

    with pytest.raises(refusal) as refused:
        books.run("repay_credit", account=account, amount=amount)

    assert refused.value.facts == facts
    assert books.size() == before
    assert books.balance("bob") == {"available": 5, "credit_used": 30}


@pytest.mark.parametrize(("refusal", "prepare"), [(AccountClosed, "close_account"), (AccountFrozen, "freeze_account")])
def test_a_closed_or_frozen_account_is_named_first(books: Ledger, refusal, prepare) -> None:
    books.open("carol")
    books.run(prepare, account="carol")

    with pytest.raises(refusal):
        books.run("repay_credit", account="carol", amount=1)
