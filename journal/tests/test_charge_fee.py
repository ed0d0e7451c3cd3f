"""charge_fee: money goes into the pool of a fee account, where it is not spent by mistake."""

from functools import partial

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
from accounts.models import Account, Balance
from journal.replay import replay
from journal.tests.odd import odd_accounts
from ledger_project.testing.crowd import together
from ledger_project.testing.ledger import Ledger


@pytest.fixture
def books(ledger: Ledger) -> Ledger:
    ledger.open("alice", funded=100)
    ledger.open("market")
    return ledger


def test_a_fee_goes_to_the_platforms_pool_which_is_opened_on_first_use(books: Ledger) -> None:
    answer = books.answer("charge_fee", account="alice", amount=7, escrow="esc_1", trial="trial_9", description="entry")

    assert books.balance("alice") == {"available": 93}
    assert books.balance("platform:fees:CRD") == {"fee_pool": 7}
    assert Account.objects.get(tenant=books.tenant, name="platform:fees:CRD").type == "revenue"
    assert books.tail() == ["fee.charged"]
    assert answer["entry"]["references"] == {"escrow": "esc_1", "trial": "trial_9"}


def test_a_fee_goes_to_the_account_that_is_named(books: Ledger) -> None:
    books.run("charge_fee", account="alice", amount=7, fee_account="market")

    assert books.balance("market") == {"fee_pool": 7}


def test_collected_fees_are_not_spendable(books: Ledger) -> None:
    books.run("charge_fee", account="alice", amount=7, fee_account="market")

    with pytest.raises(InsufficientFunds):
        books.run("transfer", from_account="market", to_account="alice", amount=1)


def test_a_fee_draws_on_the_credit_line(books: Ledger) -> None:
    books.run("set_credit_limit", account="alice", credit_limit=10)

    books.run("charge_fee", account="alice", amount=105)

    assert books.balance("alice") == {"credit_used": 5}


def test_many_payers_of_one_fee_account_write_to_several_stripes(books: Ledger) -> None:
    payers = [f"payer-{n}" for n in range(8)]
    books.open(*payers, funded=100)
    books.run("charge_fee", account="alice", amount=1)

    outcomes = together([partial(books.run, "charge_fee", account=payer, amount=10) for payer in payers])

    assert not [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    assert books.balance("platform:fees:CRD") == {"fee_pool": 81}
    used = Balance.objects.filter(tenant=books.tenant, account__name="platform:fees:CRD", fee_pool__gt=0)
    assert used.count() > 1
    assert replay(books.tenant) == []


REFUSALS = [
    (AccountNotFound, {"account": "nobody"}),
    (AccountNotFound, {"account": "alice", "fee_account": "nobody"}),
    (SameAccount, {"account": "gone", "fee_account": "gone"}),
    (CurrencyMismatch, {"account": "gone", "fee_account": "euro"}),
    (NormalBalanceMismatch, {"account": "gone", "fee_account": "cash"}),
    (AccountClosed, {"account": "gone"}),
    (AccountFrozen, {"account": "ice"}),
    (InsufficientFunds, {"account": "poor", "fee_account": "gone"}),
    (AccountClosed, {"account": "alice", "fee_account": "gone"}),
]


@pytest.mark.parametrize(("refusal", "accounts"), REFUSALS)
def test_refusals_come_in_their_order_and_move_nothing(books: Ledger, refusal, accounts) -> None:
    odd_accounts(books)
    before = books.size()

    with pytest.raises(refusal):
        books.run("charge_fee", amount=50, **accounts)

    assert books.size() == before
    assert not Account.objects.filter(tenant=books.tenant, name="platform:fees:CRD").exists()
