"""expire_promo: what is left of a grant is burnt when its time has come, once, whoever sweeps."""

from datetime import timedelta

import pytest

from accounts.errors import AccountFrozen, InsufficientFunds
from journal.errors import PromoGrantNotFound, PromoNotExpired
from journal.models import PromoGrant
from journal.promo_expiry import expire_due
from journal.replay import replay
from journal.tasks import expire_promos
from ledger_project.kernel import clock
from ledger_project.log.models import Event
from ledger_project.testing.crowd import together
from ledger_project.testing.ledger import Ledger

HOUR = timedelta(hours=1)


@pytest.fixture
def books(ledger: Ledger) -> Ledger:
    ledger.open("alice", "shop")
    ledger.run("promo_mint", account="alice", amount=10)
    return ledger


def mint(books: Ledger, amount: int, seconds: int) -> str:
    """A grant that expires; its id."""
    answer = books.answer("promo_mint", account="alice", amount=amount, expires_in=seconds)
    return str(answer["promo_grant"]["id"])


def test_the_rest_of_a_grant_is_burnt_in_its_time(books: Ledger) -> None:
    grant = mint(books, 30, 60)
    books.run("spend", account="alice", to_account="shop", amount=12, use_promo=True)

    with clock.moved(HOUR):
        answer = books.answer("expire_promo", grant=grant)

    assert books.balance("alice") == {"promo": 10}
    assert books.balance("platform:issuance:CRD") == {"available": -22}
    assert books.tail() == ["promo.expired"]
    made = answer["promo_grant"]
    assert (made["spent"], made["burned"], made["left"]) == ("12", "18", "0")
    assert answer["entry"]["references"] == {"grant": grant}
    assert replay(books.tenant) == []


def test_a_grant_is_not_spendable_from_its_moment_on_swept_or_not(books: Ledger) -> None:
    mint(books, 30, 60)

    with clock.moved(HOUR), pytest.raises(InsufficientFunds) as refused:
        books.run("spend", account="alice", to_account="shop", amount=11, use_promo=True)

    assert refused.value.facts["available"] == "10"
    assert books.balance("alice") == {"promo": 40}


def test_beat_burns_all_that_is_due_and_nothing_else(books: Ledger) -> None:
    for amount in (5, 6, 7):
        mint(books, amount, 60)
    mint(books, 8, 86400)

    with clock.moved(HOUR):
        expire_promos()
        expire_promos()

    assert books.balance("alice") == {"promo": 18}
    assert Event.objects.filter(tenant=books.tenant, command="expire_promo").count() == 3


def test_sweepers_at_once_burn_each_grant_once(books: Ledger) -> None:
    for _ in range(20):
        mint(books, 3, 60)

    with clock.moved(HOUR):
        outcomes = together([expire_due] * 6)

    assert not [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    assert books.balance("alice") == {"promo": 10}
    assert Event.objects.filter(tenant=books.tenant, command="expire_promo").count() == 20
    assert replay(books.tenant) == []


def test_spends_and_the_sweeper_share_a_grant_without_losing_a_unit(books: Ledger) -> None:
    mint(books, 30, 3600)

    def spend() -> None:
        books.run("spend", account="alice", to_account="shop", amount=1, use_promo=True)

    together([spend] * 8)
    with clock.moved(2 * HOUR):
        expire_due()

    grants = PromoGrant.objects.filter(tenant=books.tenant, expires_at__isnull=False)
    assert [(grant.spent, grant.burned) for grant in grants] == [(8, 22)]
    assert books.balance("alice") == {"promo": 10}
    assert books.balance("shop") == {"available": 8}


def test_what_comes_back_to_an_expired_grant_is_burnt_too(books: Ledger) -> None:
    """However much of it is gone by then: as much as before the last time, here."""
    mint(books, 30, 60)
    spent = books.answer("spend", account="alice", to_account="shop", amount=24, use_promo=True)["entry"]["id"]

    with clock.moved(HOUR):
        assert expire_due() == {"expired": 1}
        for _ in range(4):
            books.run("refund", entry=spent, amount=6)
            assert expire_due() == {"expired": 1}
            assert expire_due() == {}

    assert books.balance("alice") == {"promo": 10}
    assert replay(books.tenant) == []


def test_nothing_leaves_a_frozen_account_until_it_is_unfrozen(books: Ledger) -> None:
    grant = mint(books, 30, 60)
    books.run("freeze_account", account="alice")

    with clock.moved(HOUR):
        with pytest.raises(AccountFrozen):
            books.run("expire_promo", grant=grant)
        expire_due()
        assert books.balance("alice") == {"promo": 40}
        books.run("unfreeze_account", account="alice")
        expire_due()

    assert books.balance("alice") == {"promo": 10}


def test_refusals(books: Ledger) -> None:
    grant = mint(books, 30, 60)
    before = books.size()

    with pytest.raises(PromoGrantNotFound):
        books.run("expire_promo", grant="prm_" + "0" * 32)
    with pytest.raises(PromoNotExpired):
        books.run("expire_promo", grant=grant)
    other = Ledger()
    with clock.moved(HOUR), pytest.raises(PromoGrantNotFound):
        other.run("expire_promo", grant=grant)

    assert books.size() == before


def test_a_grant_that_was_used_up_has_nothing_to_expire(books: Ledger) -> None:
    grant = mint(books, 30, 60)
    books.run("spend", account="alice", to_account="shop", amount=30, use_promo=True)

    with clock.moved(HOUR), pytest.raises(PromoNotExpired):
        books.run("expire_promo", grant=grant)
