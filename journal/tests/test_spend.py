"""spend: an account pays within the budget of a session key, promotional money first where that is wanted."""

from collections import Counter
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from accounts.errors import (
    AccountClosed,
    AccountFrozen,
    AccountNotFound,
    CurrencyMismatch,
    InsufficientFunds,
    NormalBalanceMismatch,
    ReceiverNotAllowed,
    SameAccount,
    SessionKeyExpired,
    SessionKeyNotFound,
    SessionKeyRevoked,
    SpendCapExceeded,
)
from accounts.models import SessionKey
from journal.models import PromoGrant
from journal.replay import replay
from journal.tests.odd import odd_accounts
from ledger_project.kernel import clock
from ledger_project.testing.crowd import together
from ledger_project.testing.ledger import Ledger

pytestmark = pytest.mark.slow


@pytest.fixture
def books(ledger: Ledger) -> Ledger:
    ledger.open("alice", funded=100)
    ledger.open("shop")
    return ledger


def issue(books: Ledger, **caps: Any) -> str:
    return str(books.answer("issue_session_key", account="alice", **caps)["session_key"]["id"])


def test_a_spend_pays_the_receiver(books: Ledger) -> None:
    answer = books.answer("spend", account="alice", to_account="shop", amount="30", reference="order 7")

    assert books.balance("alice") == {"available": 70}
    assert books.balance("shop") == {"available": 30}
    assert books.tail() == ["spend.posted"]
    assert answer["entry"]["references"] == {"reference": "order 7"}


def test_without_a_receiver_the_platform_is_paid(books: Ledger) -> None:
    books.run("spend", account="alice", amount=30)

    assert books.balance("platform:revenue:CRD") == {"available": 30}


def test_a_spend_draws_the_shortfall_from_the_credit_line(books: Ledger) -> None:
    books.run("set_credit_limit", account="alice", credit_limit=20)

    books.run("spend", account="alice", to_account="shop", amount=110)

    assert books.balance("alice") == {"credit_used": 10}


def test_a_session_key_counts_what_it_spends(books: Ledger) -> None:
    key = issue(books, max_total=50)

    answer = books.answer("spend", account="alice", to_account="shop", amount=30, session_key=key)

    assert answer["entry"]["references"] == {"session_key": key}
    counted = answer["session_key"]
    assert (counted["spent_total"], counted["spent_day"], counted["spent_most"]) == ("30", "30", "30")
    assert SessionKey.objects.get(tenant=books.tenant).spent_total == 30
    assert replay(books.tenant) == []


CAPS = [
    ({"max_per_spend": 20, "max_per_day": 20, "max_total": 20}, [10], "max_per_spend", "0", "20"),
    ({"max_per_spend": 25, "max_per_day": 30, "max_total": 30}, [10], "max_per_day", "10", "20"),
    ({"max_total": 30}, [10, 5], "max_total", "15", "15"),
]


@pytest.mark.parametrize(("caps", "before", "cap", "spent", "left"), CAPS)
def test_the_first_cap_in_the_way_is_named(books: Ledger, caps, before, cap, spent, left) -> None:
    key = issue(books, **caps)
    pay = partial(books.run, "spend", account="alice", to_account="shop", session_key=key)
    for amount in before:
        pay(amount=amount)
    size = books.size()

    with pytest.raises(SpendCapExceeded) as refused:
        pay(amount=21)

    assert refused.value.facts == {
        "session_key": key,
        "cap": cap,
        "limit": str(caps[cap]),
        "spent": spent,
        "asked": "21",
        "left": left,
    }
    assert books.size() == size
    assert books.balance("shop") == {"available": sum(before)}


def test_a_new_day_has_a_new_budget_and_the_total_stays(books: Ledger) -> None:
    key = issue(books, max_per_day=20, max_total=50)
    pay = partial(books.run, "spend", account="alice", to_account="shop", session_key=key)
    pay(amount=20)

    with clock.moved(timedelta(days=1)):
        pay(amount=20)
        with pytest.raises(SpendCapExceeded) as today:
            pay(amount=1)
    with clock.moved(timedelta(days=2)), pytest.raises(SpendCapExceeded) as ever:
        pay(amount=11)

    assert (today.value.facts["cap"], ever.value.facts["cap"]) == ("max_per_day", "max_total")
    assert books.balance("shop") == {"available": 40}


def test_a_refused_spend_does_not_use_up_the_budget(books: Ledger) -> None:
    key = issue(books, max_total=150)
    with pytest.raises(InsufficientFunds):
        books.run("spend", account="alice", to_account="shop", amount=150, session_key=key)

    books.run("spend", account="alice", to_account="shop", amount=100, session_key=key)

    assert SessionKey.objects.get(tenant=books.tenant).spent_total == 100


def test_many_spends_at_once_never_exceed_the_cap(books: Ledger) -> None:
    books.run("mint", account="alice", amount=900)
    key = issue(books, max_total=100)
    pay = partial(books.run, "spend", account="alice", to_account="shop", amount=7, session_key=key)

    outcomes = together([pay] * 32)

    kinds = Counter(type(outcome).__name__ for outcome in outcomes)
    assert kinds == {"Done": 14, "SpendCapExceeded": 18}
    assert SessionKey.objects.get(tenant=books.tenant).spent_total == 98
    assert books.balance("shop") == {"available": 98}
    assert replay(books.tenant) == []


def test_spends_in_one_batch_see_each_other(books: Ledger) -> None:
    key = issue(books, max_total=20)
    spend = {"account": "alice", "to_account": "shop", "amount": 9, "session_key": key}

    results = books.execute(*[books.call("spend", **spend) for _ in range(3)])

    assert [isinstance(result, SpendCapExceeded) for result in results] == [False, False, True]


def _key_for(books: Ledger, case: str) -> dict[str, str]:
    """A session key that something is the matter with, and everything after it in the order of refusals too."""
    if case == "none":
        return {}
    if case == "unknown":
        return {"session_key": "ssk_" + "0" * 32}
    if case == "other's":
        return {"session_key": books.answer("issue_session_key", account="shop")["session_key"]["id"]}
    key = issue(books, allowed_receivers=["poor"], expires_in=60, max_total=1)
    if case == "revoked":
        books.run("revoke_session_key", session_key=key)
    return {"session_key": key}


REFUSALS = [
    (AccountNotFound, {"account": "nobody"}, "unknown", 0),
    (AccountNotFound, {"account": "alice", "to_account": "nobody"}, "unknown", 0),
    (SameAccount, {"account": "alice", "to_account": "alice"}, "unknown", 0),
    (SessionKeyNotFound, {"account": "alice", "to_account": "euro"}, "unknown", 0),
    (SessionKeyNotFound, {"account": "alice", "to_account": "euro"}, "other's", 0),
    (SessionKeyRevoked, {"account": "alice", "to_account": "euro"}, "revoked", 1),
    (SessionKeyExpired, {"account": "alice", "to_account": "euro"}, "issued", 1),
    (ReceiverNotAllowed, {"account": "alice", "to_account": "euro"}, "issued", 0),
    (SpendCapExceeded, {"account": "alice", "to_account": "poor"}, "issued", 0),
    (CurrencyMismatch, {"account": "gone", "to_account": "euro"}, "none", 0),
    (NormalBalanceMismatch, {"account": "gone", "to_account": "cash"}, "none", 0),
    (AccountClosed, {"account": "gone", "to_account": "poor"}, "none", 0),
    (AccountFrozen, {"account": "ice", "to_account": "gone"}, "none", 0),
    (InsufficientFunds, {"account": "poor", "to_account": "gone"}, "none", 0),
    (AccountClosed, {"account": "alice", "to_account": "gone"}, "none", 0),
]


@pytest.mark.parametrize("use_promo", [False, True])
@pytest.mark.parametrize(("refusal", "accounts", "key", "hours"), REFUSALS)
def test_refusals_come_in_their_order_and_move_nothing(books: Ledger, refusal, accounts, key, hours, use_promo) -> None:
    odd_accounts(books)
    named = _key_for(books, key)
    before = books.size()

    with clock.moved(timedelta(hours=hours)), pytest.raises(refusal):
        books.run("spend", amount=5, use_promo=use_promo, **accounts, **named)

    assert books.size() == before
    assert books.balance("alice") == {"available": 100}


def test_promotional_money_pays_first_the_grant_that_expires_first_before_all(books: Ledger) -> None:
    books.run("promo_mint", account="alice", amount=10)
    books.run("promo_mint", account="alice", amount=10, expires_in=200)
    books.run("promo_mint", account="alice", amount=10, expires_in=100)

    answer = books.answer("spend", account="alice", to_account="shop", amount=25, use_promo=True)

    assert books.balance("alice") == {"available": 100, "promo": 5}
    assert books.balance("shop") == {"available": 25}
    spent = PromoGrant.objects.filter(tenant=books.tenant).order_by("id").values_list("spent", flat=True)
    assert list(spent) == [5, 10, 10]
    assert [use["amount"] for use in answer["entry"]["metadata"]["promo"]] == ["10", "10", "5"]
    assert replay(books.tenant) == []


def test_other_money_pays_what_promotional_money_does_not(books: Ledger) -> None:
    books.run("set_credit_limit", account="alice", credit_limit=50)
    books.run("promo_mint", account="alice", amount=10)

    books.run("spend", account="alice", to_account="shop", amount=120, use_promo=True)

    assert books.balance("alice") == {"credit_used": 10}
    assert books.balance("shop") == {"available": 120}


def test_promotional_money_is_left_alone_unless_asked_for(books: Ledger) -> None:
    books.run("promo_mint", account="alice", amount=10)

    books.run("spend", account="alice", to_account="shop", amount=5)

    assert books.balance("alice") == {"available": 95, "promo": 10}


def test_insufficient_funds_count_all_that_could_have_paid(books: Ledger) -> None:
    books.run("set_credit_limit", account="alice", credit_limit=50)
    books.run("promo_mint", account="alice", amount=10)

    with pytest.raises(InsufficientFunds) as refused:
        books.run("spend", account="alice", to_account="shop", amount=161, use_promo=True)

    assert refused.value.facts["available"] == "160"
    assert books.balance("alice") == {"available": 100, "promo": 10}


def test_promotional_money_is_spent_once_however_many_want_it(books: Ledger) -> None:
    for _ in range(5):
        books.run("promo_mint", account="alice", amount=10)

    outcomes = together(
        [partial(books.run, "spend", account="alice", to_account="shop", amount=4, use_promo=True)] * 32
    )

    assert not [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    assert books.balance("alice") == {"available": 22}
    assert books.balance("shop") == {"available": 128}
    assert replay(books.tenant) == []


def test_grants_given_while_others_are_spent_are_not_lost(books: Ledger) -> None:
    mint = partial(books.run, "promo_mint", account="alice", amount=5)
    spend = partial(books.run, "spend", account="alice", to_account="shop", amount=5, use_promo=True)

    together([mint, spend] * 12)

    assert replay(books.tenant) == []
    assert sum(books.balance("alice").values()) == 100
