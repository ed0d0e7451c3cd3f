"""fee_burn: collected fees go out of circulation."""

import pytest

from accounts.errors import AccountClosed, AccountFrozen, AccountNotFound, InsufficientFunds, NormalBalanceMismatch
from journal.tests.odd import odd_accounts
from ledger_project.testing.ledger import Ledger

FEES = "platform:fees:CRD"
ISSUANCE = "platform:issuance:CRD"


@pytest.fixture
def books(ledger: Ledger) -> Ledger:
    ledger.open("alice", funded=100)
    ledger.run("charge_fee", account="alice", amount=40)
    return ledger


def test_burnt_fees_are_no_longer_in_circulation(books: Ledger) -> None:
    answer = books.answer("fee_burn", account=FEES, amount=15, escrow="esc_1")

    assert books.balance(FEES) == {"fee_pool": 25}
    assert books.balance(ISSUANCE) == {"available": -85}
    assert books.tail() == ["fee.burned"]
    assert answer["entry"]["references"] == {"escrow": "esc_1"}


def test_a_fee_is_reversed_from_wherever_it_is(books: Ledger) -> None:
    answer = books.answer("charge_fee", account="alice", amount=10)

    books.run("reverse_entry", entry=answer["entry"]["id"])

    assert books.balance("alice") == {"available": 60}
    assert books.balance(FEES) == {"fee_pool": 40}


REFUSALS = [
    (AccountNotFound, "nobody"),
    (NormalBalanceMismatch, "cash"),
    (AccountClosed, "gone"),
    (AccountFrozen, "ice"),
    (InsufficientFunds, "alice"),
]


@pytest.mark.parametrize(("refusal", "account"), REFUSALS)
def test_refusals_come_in_their_order_and_move_nothing(books: Ledger, refusal, account) -> None:
    odd_accounts(books)
    before = books.size()

    with pytest.raises(refusal):
        books.run("fee_burn", account=account, amount=1)

    assert books.size() == before
    assert books.balance(FEES) == {"fee_pool": 40}
