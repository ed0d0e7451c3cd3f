"""The numbered cases of docs/concurrency.md that are about the money verbs; each caller on a connection of its own.

`Ledger.run` would gather the callers of one process into batches, so these call `execute` themselves.
"""

import contextlib
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from accounts.models import Balance, SessionKey
from journal.errors import NothingToSettle
from journal.models import PromoGrant, RefundTotal
from journal.promo_expiry import expire_due
from journal.replay import replay
from ledger_project.kernel import clock
from ledger_project.log.executor import Done, Result
from ledger_project.testing.crowd import together
from ledger_project.testing.ledger import Ledger

pytestmark = pytest.mark.slow


@pytest.fixture
def books(ledger: Ledger) -> Ledger:
    ledger.open("alice", funded=100)
    ledger.open("shop")
    return ledger


def alone(books: Ledger, command: str, **arguments: Any) -> Callable[[], Result]:
    """One call as a batch of one, on the connection of the thread that makes it."""
    call = books.call(command, **arguments)
    return lambda: books.execute(call)[0]


def outcomes(actions: list[Callable[[], Result]]) -> Counter[str]:
    """How many were accepted, and how many got which refusal or error."""
    results = together(actions)
    return Counter("accepted" if isinstance(result, Done) else type(result).__name__ for result in results)


def pay(books: Ledger, amount: int) -> str:
    paid = books.answer("transfer", from_account="alice", to_account="shop", amount=amount)
    return str(paid["entry"]["id"])


def test_case_21_partial_refunds_come_to_the_original_exactly(books: Ledger) -> None:
    paid = pay(books, 60)
    books.run("mint", account="shop", amount=1000)

    seen = outcomes([alone(books, "refund", entry=paid, amount=7) for _ in range(32)])

    assert seen == {"accepted": 8, "RefundExceedsOriginal": 24}
    assert books.balance("alice") == {"available": 96}
    assert RefundTotal.objects.get(tenant=books.tenant).refunded == 56
    assert replay(books.tenant) == []


@pytest.mark.parametrize("_", range(10))
def test_case_22_an_entry_is_refunded_or_reversed_but_not_both(books: Ledger, _: int) -> None:
    paid = pay(books, 60)
    books.run("mint", account="shop", amount=1000)

    seen = outcomes([alone(books, verb, entry=paid) for verb in ["refund", "reverse_entry"] * 4])

    assert seen.pop("accepted") == 1
    assert set(seen) <= {"AlreadyReversed", "AlreadyRefunded", "RefundExceedsOriginal"}
    assert books.balance("alice") == {"available": 100}
    assert books.balance("shop") == {"available": 1000}
    assert replay(books.tenant) == []


def test_case_23_spends_under_one_cap_never_exceed_it(books: Ledger) -> None:
    books.run("mint", account="alice", amount=900)
    key = books.answer("issue_session_key", account="alice", max_total=100)["session_key"]["id"]
    spend = {"account": "alice", "to_account": "shop", "amount": 7, "session_key": key}

    seen = outcomes([alone(books, "spend", **spend) for _ in range(32)])

    assert seen == {"accepted": 14, "SpendCapExceeded": 18}
    assert SessionKey.objects.get(tenant=books.tenant).spent_total == 98
    assert books.balance("shop") == {"available": 98}


def test_case_23b_nothing_is_spent_after_a_revocation(books: Ledger) -> None:
    key = books.answer("issue_session_key", account="alice")["session_key"]["id"]
    spend = {"account": "alice", "to_account": "shop", "amount": 1, "session_key": key}

    seen = outcomes(
        [alone(books, "spend", **spend) for _ in range(16)] + [alone(books, "revoke_session_key", session_key=key)]
    )

    stored = SessionKey.objects.get(tenant=books.tenant)
    assert set(seen) <= {"accepted", "SessionKeyRevoked"}
    assert stored.spent_total == seen["accepted"] - 1 == books.balance("shop").get("available", 0)
    assert stored.last_spent_at is None or stored.last_spent_at <= stored.revoked_at


def test_case_24_promotional_money_is_given_spent_and_burnt_to_the_unit(books: Ledger) -> None:
    for _ in range(5):
        books.run("promo_mint", account="alice", amount=10, expires_in=3600)
    mint = {"account": "alice", "amount": 10}
    spend = {"account": "alice", "to_account": "shop", "amount": 4, "use_promo": True}

    seen = outcomes(
        [alone(books, "spend", **spend) for _ in range(16)]
        + [alone(books, "promo_mint", **mint) for _ in range(4)]
        + [alone(books, "promo_burn", account="alice", amount=1) for _ in range(4)]
    )
    with clock.moved(timedelta(hours=2)):
        swept = together([expire_due] * 4)

    assert seen == {"accepted": 24}
    assert not [each for each in swept if isinstance(each, Exception)]
    assert books.balance("shop") == {"available": 64}
    grants = PromoGrant.objects.filter(tenant=books.tenant)
    left = sum(grant.amount - grant.spent - grant.burned for grant in grants)
    assert books.balance("alice").get("promo", 0) == left
    assert not [grant for grant in grants if grant.expires_at and grant.amount > grant.spent + grant.burned]
    assert replay(books.tenant) == []


def test_case_25_a_payment_is_recorded_once_and_refunded_to_its_amount(books: Ledger) -> None:
    party = {"customer_id": "cus_1", "currency": "CRD"}
    books.run("record_payment", payment_intent_id="pi_0", amount=900, **party)

    first = outcomes([alone(books, "record_payment", payment_intent_id="pi_1", amount=100, **party) for _ in range(16)])
    back = outcomes(
        [
            alone(books, "record_refund", refund_id=f"re_{n}", payment_intent_id="pi_1", amount=30, **party)
            for n in range(12)
        ]
    )

    assert first == {"accepted": 1, "DuplicateRecord": 15}
    assert back == {"accepted": 3, "RefundExceedsOriginal": 9}
    assert books.balance("customer_balance:cus_1") == {"available": 910}
    assert replay(books.tenant) == []


def test_case_26_a_fee_pool_is_filled_and_emptied_stripe_by_stripe(books: Ledger) -> None:
    payers = [f"payer-{n}" for n in range(8)]
    books.open(*payers, funded=10)
    books.run("charge_fee", account="alice", amount=1)
    pool = {"from_account": "platform:fees:CRD", "to_account": "shop"}

    filled = outcomes([alone(books, "charge_fee", account=payer, amount=10) for payer in payers])
    used = Balance.objects.filter(tenant=books.tenant, account__name="platform:fees:CRD", fee_pool__gt=0)
    stripes = used.count()
    emptied = outcomes([alone(books, "fee_transfer", amount=9, **pool) for _ in range(16)])

    assert filled == {"accepted": 8}
    assert stripes > 1
    assert emptied == {"accepted": 9, "InsufficientFunds": 7}
    assert books.balance("platform:fees:CRD") == {}
    assert books.balance("shop") == {"available": 81}


def test_case_26b_a_free_form_entry_takes_a_pool_from_all_its_stripes(books: Ledger) -> None:
    payers = [f"payer-{n}" for n in range(8)]
    books.open(*payers, funded=10)
    books.run("charge_fee", account="alice", amount=1)
    outcomes([alone(books, "charge_fee", account=payer, amount=10) for payer in payers])

    legs = [("platform:fees:CRD", "fee_pool", 81), ("shop", "available", -81)]
    books.run("post_entry", postings=[{"account": a, "bucket": b, "amount": n} for a, b, n in legs])

    assert books.balance("platform:fees:CRD") == {}
    assert books.balance("shop") == {"available": 81}
    assert replay(books.tenant) == []


def test_case_27_each_entry_is_settled_by_one_batch(books: Ledger) -> None:
    books.run("mint", account="alice", amount=10_000)
    books.run("open_clearing_account", domain="eu")
    transfer = {"from_account": "alice", "to_account": "clearing:eu"}

    seen = outcomes(
        [
            alone(books, "settle_batch", netting_batch_id=f"race-{n}")
            if n % 6 == 0
            else alone(books, "transfer", amount=1 + n % 3, **transfer)
            for n in range(48)
        ]
    )
    with contextlib.suppress(NothingToSettle):
        books.run("settle_batch", netting_batch_id="last")

    assert set(seen) <= {"accepted", "NothingToSettle"}
    paid = sum(1 + n % 3 for n in range(48) if n % 6)
    assert Balance.objects.filter(tenant=books.tenant, account__name="clearing:eu", version__gt=0).count() > 1
    assert books.balance("clearing:eu") == {}
    assert books.balance("platform:settlement:CRD") == {"available": paid}
    assert replay(books.tenant) == []
