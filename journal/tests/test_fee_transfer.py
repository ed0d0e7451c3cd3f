"""fee_transfer: collected fees become somebody's money."""

from functools import partial

import pytest

from accounts.errors import (
    AccountClosed,
    AccountFrozen,
    AccountNotFound,
    CurrencyMismatch,
    InsufficientFunds,
    NormalBalanceMismatch,
)
from journal.replay import replay
from journal.tests.odd import odd_accounts
from ledger_project.testing.crowd import together
from ledger_project.testing.ledger import Ledger

FEES = "platform:fees:CRD"


@pytest.fixture
def books(ledger: Ledger) -> Ledger:
    ledger.open("alice", funded=100)
    ledger.open("treasury", "judge")
    ledger.run("charge_fee", account="alice", amount=40)
    return ledger


def test_fees_are_handed_on(books: Ledger) -> None:
    answer = books.answer("fee_transfer", from_account=FEES, to_account="judge", amount=15, trial="trial_9")

    assert books.balance(FEES) == {"fee_pool": 25}
    assert books.balance("judge") == {"available": 15}
    assert books.tail() == ["fee.transferred"]
    assert answer["entry"]["references"] == {"trial": "trial_9"}
    assert answer["entry"]["kind"] == "fee_transfer"


def test_a_pool_is_gathered_from_all_its_stripes(books: Ledger) -> None:
    payers = [f"payer-{n}" for n in range(8)]
    books.open(*payers, funded=10)
    together([partial(books.run, "charge_fee", account=payer, amount=10) for payer in payers])

    books.run("fee_transfer", from_account=FEES, to_account="treasury", amount=119)

    assert books.balance(FEES) == {"fee_pool": 1}
    assert books.balance("treasury") == {"available": 119}
    assert replay(books.tenant) == []


def test_a_pool_is_emptied_once_however_many_ask(books: Ledger) -> None:
    outcomes = together(
        [partial(books.run, "fee_transfer", from_account=FEES, to_account="treasury", amount=10) for _ in range(12)]
    )

    assert sum(isinstance(outcome, InsufficientFunds) for outcome in outcomes) == 8
    assert books.balance(FEES) == {}
    assert books.balance("treasury") == {"available": 40}


def test_an_account_may_release_its_own_pool(books: Ledger) -> None:
    books.run("fee_transfer", from_account=FEES, to_account=FEES, amount=40)

    assert books.balance(FEES) == {"available": 40}


def test_what_comes_in_repays_credit_first(books: Ledger) -> None:
    books.run("set_credit_limit", account="judge", credit_limit=9)
    books.run("draw_credit", account="judge", amount=9)

    books.run("fee_transfer", from_account=FEES, to_account="judge", amount=10)

    assert books.balance("judge") == {"available": 10}


def test_the_refusal_says_what_the_whole_pool_has(books: Ledger) -> None:
    before = books.size()

    with pytest.raises(InsufficientFunds) as refused:
        books.run("fee_transfer", from_account=FEES, to_account="judge", amount=41)

    assert refused.value.facts == {
        "account": FEES,
        "bucket": "fee_pool",
        "required": "41",
        "available": "40",
        "shortfall": "1",
        "currency": "CRD",
    }
    assert books.size() == before


REFUSALS = [
    (AccountNotFound, "nobody", "gone"),
    (AccountNotFound, "gone", "nobody"),
    (CurrencyMismatch, "gone", "euro"),
    (NormalBalanceMismatch, "gone", "cash"),
    (AccountClosed, "gone", "judge"),
    (AccountFrozen, "ice", "gone"),
    (InsufficientFunds, "treasury", "gone"),
    (AccountClosed, FEES, "gone"),
]


@pytest.mark.parametrize(("refusal", "payer", "receiver"), REFUSALS)
def test_refusals_come_in_their_order_and_move_nothing(books: Ledger, refusal, payer, receiver) -> None:
    odd_accounts(books)
    before = books.size()

    with pytest.raises(refusal):
        books.run("fee_transfer", from_account=payer, to_account=receiver, amount=5)

    assert books.size() == before
    assert books.balance(FEES) == {"fee_pool": 40}
