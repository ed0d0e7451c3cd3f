"""promo_burn: promotional money is taken back, what expires first before the rest."""

import pytest

from accounts.errors import AccountClosed, AccountFrozen, AccountNotFound, InsufficientFunds, NormalBalanceMismatch
from journal.models import PromoGrant
from journal.replay import replay
from journal.tests.odd import odd_accounts
from ledger_project.testing.ledger import Ledger


@pytest.fixture
def books(ledger: Ledger) -> Ledger:
    ledger.open("alice", funded=100)
    ledger.run("promo_mint", account="alice", amount=10)
    ledger.run("promo_mint", account="alice", amount=20, expires_in=200)
    ledger.run("promo_mint", account="alice", amount=30, expires_in=100)
    return ledger


def left(books: Ledger) -> list[int]:
    """What the grants have left, in the order in which they were given."""
    grants = PromoGrant.objects.filter(tenant=books.tenant).order_by("id")
    return [int(grant.amount - grant.spent - grant.burned) for grant in grants]


def test_the_grant_that_expires_first_is_burnt_first(books: Ledger) -> None:
    answer = books.answer("promo_burn", account="alice", amount=55, reference="fraud")

    assert books.balance("alice") == {"available": 100, "promo": 5}
    assert left(books) == [5, 0, 0]
    assert [use["amount"] for use in answer["promo"]] == ["30", "20", "5"]
    assert books.balance("platform:issuance:CRD") == {"available": -105}
    assert books.tail() == ["promo.burned"]
    assert replay(books.tenant) == []


def test_no_more_than_there_is_and_no_other_money(books: Ledger) -> None:
    before = books.size()

    with pytest.raises(InsufficientFunds) as refused:
        books.run("promo_burn", account="alice", amount=61)

    assert refused.value.facts == {
        "account": "alice",
        "bucket": "promo",
        "required": "61",
        "available": "60",
        "shortfall": "1",
        "currency": "CRD",
    }
    assert books.size() == before
    assert left(books) == [10, 20, 30]


@pytest.mark.parametrize(
    ("refusal", "account"),
    [
        (AccountNotFound, "nobody"),
        (NormalBalanceMismatch, "cash"),
        (AccountClosed, "gone"),
        (AccountFrozen, "ice"),
        (InsufficientFunds, "poor"),
    ],
)
def test_refusals_come_in_their_order(books: Ledger, refusal, account) -> None:
    odd_accounts(books)
    before = books.size()

    with pytest.raises(refusal):
        books.run("promo_burn", account=account, amount=1)

    assert books.size() == before
