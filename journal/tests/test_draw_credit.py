"""draw_credit: credit becomes available money, up to the limit."""

import pytest

from accounts.errors import AccountClosed, AccountFrozen, AccountNotFound, CreditLimitExceeded
from ledger_project.testing.ledger import Ledger


@pytest.fixture
def books(ledger: Ledger) -> Ledger:
    ledger.open("alice", funded=10)
    ledger.open("shop")
    ledger.run("set_credit_limit", account="alice", credit_limit=50)
    return ledger


def test_drawing_makes_money_available_and_owes_it(books: Ledger) -> None:
    answer = books.answer("draw_credit", account="alice", amount=30, reference="winter stock")

    assert books.balance("alice") == {"available": 40, "credit_used": 30}
    assert books.tail() == ["credit.drawn"]
    assert answer["entry"]["references"] == {"reference": "winter stock"}
    assert [(leg["bucket"], leg["amount"]) for leg in answer["entry"]["postings"]] == [
        ("credit_used", "30"),
        ("available", "-30"),
    ]
    [balance] = answer["balances"]
    assert (balance["posted"], balance["total_in"], balance["total_out"]) == ("10", "10", "0")


def test_money_in_repays_what_was_drawn_first(books: Ledger) -> None:
    books.run("draw_credit", account="alice", amount=30)

    books.run("mint", account="alice", amount=20)

    assert books.balance("alice") == {"available": 40, "credit_used": 10}


def test_the_limit_counts_what_was_drawn_before(books: Ledger) -> None:
    books.run("draw_credit", account="alice", amount=30)

    with pytest.raises(CreditLimitExceeded) as refused:
        books.run("draw_credit", account="alice", amount=21)

    assert refused.value.facts == {"account": "alice", "asked": "21", "left": "20", "limit": "50"}
    assert books.balance("alice") == {"available": 40, "credit_used": 30}


@pytest.mark.parametrize(
    ("refusal", "account"), [(AccountNotFound, "nobody"), (AccountClosed, "gone"), (AccountFrozen, "ice")]
)
def test_refusals(books: Ledger, refusal, account) -> None:
    books.open("gone", "ice")
    books.run("close_account", account="gone")
    books.run("freeze_account", account="ice")
    before = books.size()

    with pytest.raises(refusal):
        books.run("draw_credit", account=account, amount=1)

    assert books.size() == before
