"""promo_mint: promotional money is spendable, never redeemable, and may have a date."""

from datetime import timedelta

import pytest

from accounts.errors import (
    AccountClosed,
    AccountNotEmpty,
    AccountNotFound,
    AccountUnbounded,
    InsufficientFunds,
    NormalBalanceMismatch,
)
from journal.errors import NotReversible
from journal.models import PromoGrant
from journal.replay import replay
from journal.tests.odd import odd_accounts
from ledger_project.kernel import clock
from ledger_project.kernel.errors import InvalidRequest
from ledger_project.testing.ledger import Ledger


@pytest.fixture
def books(ledger: Ledger) -> Ledger:
    ledger.open("alice", "shop")
    return ledger


def test_a_grant_is_promotional_money_from_issuance(books: Ledger) -> None:
    answer = books.answer("promo_mint", account="alice", amount=30, reference="spring")

    assert books.balance("alice") == {"promo": 30}
    assert books.balance("platform:issuance:CRD") == {"available": -30}
    assert books.tail() == ["promo.minted"]
    grant = answer["promo_grant"]
    assert (grant["amount"], grant["left"], grant["expires_at"]) == ("30", "30", None)
    assert grant["account"] == answer["balances"][0]["account"]
    assert PromoGrant.objects.get(tenant=books.tenant).amount == 30
    assert replay(books.tenant) == []


def test_a_grant_may_live_for_some_seconds_or_until_a_moment(books: Ledger) -> None:
    soon = books.answer("promo_mint", account="alice", amount=1, expires_in=60)
    moment = clock.stamp(clock.now() + timedelta(days=3))
    later = books.answer("promo_mint", account="alice", amount=1, expires_at=moment)

    lives = clock.read(soon["promo_grant"]["expires_at"]) - clock.read(soon["event"]["recorded_at"])
    assert lives == timedelta(seconds=60)
    assert later["promo_grant"]["expires_at"] == moment


def test_promotional_money_is_not_redeemable(books: Ledger) -> None:
    minted = books.answer("promo_mint", account="alice", amount=30)

    for command, arguments in (
        ("transfer", {"from_account": "alice", "to_account": "shop"}),
        ("burn", {"account": "alice"}),
        ("charge_fee", {"account": "alice"}),
    ):
        with pytest.raises(InsufficientFunds):
            books.run(command, amount=1, **arguments)
    legs = [{"account": "alice", "bucket": "promo", "amount": 1}, {"account": "shop", "amount": -1}]
    with pytest.raises(InvalidRequest):
        books.run("post_entry", postings=legs)
    with pytest.raises(NotReversible):
        books.run("reverse_entry", entry=minted["entry"]["id"])
    with pytest.raises(AccountNotEmpty):
        books.run("close_account", account="alice")
    assert books.balance("alice") == {"promo": 30}


REFUSALS = [
    (InvalidRequest, {"account": "nobody", "expires_in": 60, "expires_at": "2100-01-01T00:00:00Z"}),
    (InvalidRequest, {"account": "nobody", "expires_at": "2020-01-01T00:00:00Z"}),
    (AccountNotFound, {"account": "nobody"}),
    (AccountUnbounded, {"account": "platform"}),
    (NormalBalanceMismatch, {"account": "cash"}),
    (AccountClosed, {"account": "gone"}),
]


@pytest.mark.parametrize(("refusal", "arguments"), REFUSALS)
def test_refusals_come_in_their_order_and_grant_nothing(books: Ledger, refusal, arguments) -> None:
    books.open("platform", type="asset", unbounded=True)
    odd_accounts(books)
    before = books.size()

    with pytest.raises(refusal):
        books.run("promo_mint", amount=5, **arguments)

    assert books.size() == before
    assert not PromoGrant.objects.filter(tenant=books.tenant).exists()


def test_a_frozen_account_may_be_given_promotional_money(books: Ledger) -> None:
    books.run("freeze_account", account="alice")

    books.run("promo_mint", account="alice", amount=5)

    assert books.balance("alice") == {"promo": 5}
