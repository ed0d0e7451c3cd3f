"""The billing engine's records: its worked examples, account by account, and what is refused.

Debits are positive and credits negative, as in the journal that these examples come from.
"""

from collections import Counter
from functools import partial
from typing import Any

import pytest

from accounts.errors import (
    AccountClosed,
    AccountExists,
    AccountFrozen,
    CurrencyNotFound,
    InsufficientFunds,
    NormalBalanceMismatch,
)
from accounts.models import Account
from journal.errors import (
    AlreadyRefunded,
    AlreadyReversed,
    DuplicateRecord,
    FeesExceedPayment,
    NotReversible,
    PaymentNotFound,
    RefundExceedsOriginal,
)
from journal.models import BillingRecord
from journal.replay import replay
from ledger_project.kernel.errors import InvalidAmount, InvalidRequest
from ledger_project.testing.crowd import together
from ledger_project.testing.ledger import Ledger

IDS = {
    "record_payment": "payment_intent_id",
    "record_refund": "refund_id",
    "record_payout": "payout_id",
    "record_dispute": "dispute_id",
}


@pytest.fixture
def books() -> Ledger:
    return Ledger(currency="USD", scale=2)


def record(books: Ledger, command: str, id: str, amount: int, **more: Any) -> dict[str, Any]:
    """The answer to one record, by default of the customer cus_1 and in dollars."""
    party = {} if "merchant_id" in more else {"customer_id": more.pop("customer_id", "cus_1")}
    return books.answer(command, **{IDS[command]: id, "amount": amount, "currency": "USD", **party, **more})


def postings(answer: dict[str, Any]) -> list[tuple[str, int]]:
    return [(leg["name"], int(leg["amount"])) for leg in answer["entry"]["postings"]]


def test_a_payment_with_fees(books: Ledger) -> None:
    answer = record(books, "record_payment", "pi_1", 10_000, fees=320, description="order 7")

    assert postings(answer) == [("platform:cash", 10_000), ("customer_balance:cus_1", -9_680), ("platform:fees", -320)]
    assert books.balance("platform:cash") == {"available": 10_000}
    assert books.balance("customer_balance:cus_1") == {"available": 9_680}
    assert books.balance("platform:fees") == {"available": 320}
    assert answer["entry"]["references"] == {"payment_intent_id": "pi_1", "customer_id": "cus_1"}
    assert answer["payment"] == {
        "payment_intent_id": "pi_1",
        "customer_id": "cus_1",
        "amount": "10000",
        "currency": "USD",
        "fees": "320",
    }
    assert books.tail() == ["payment.recorded"]
    types = dict(Account.objects.filter(tenant=books.tenant).values_list("name", "type"))
    assert types == {"platform:cash": "asset", "customer_balance:cus_1": "liability", "platform:fees": "revenue"}


def test_a_payment_without_fees_credits_the_customer_in_full(books: Ledger) -> None:
    answer = record(books, "record_payment", "pi_1", 10_000)

    assert postings(answer) == [("platform:cash", 10_000), ("customer_balance:cus_1", -10_000)]
    assert not Account.objects.filter(tenant=books.tenant, name="platform:fees").exists()


def test_a_payment_that_is_all_fees_credits_the_customer_nothing(books: Ledger) -> None:
    answer = record(books, "record_payment", "pi_1", 100, fees=100)

    assert postings(answer) == [("platform:cash", 100), ("platform:fees", -100)]


def test_a_refund(books: Ledger) -> None:
    record(books, "record_payment", "pi_1", 10_000)

    answer = record(books, "record_refund", "re_1", 4_000)

    assert postings(answer) == [("customer_balance:cus_1", 4_000), ("platform:cash", -4_000)]
    assert books.balance("platform:cash") == {"available": 6_000}
    assert books.balance("customer_balance:cus_1") == {"available": 6_000}
    assert answer["entry"]["references"] == {"refund_id": "re_1", "customer_id": "cus_1"}
    assert books.tail() == ["payment_refund.recorded"]


def test_a_payout(books: Ledger) -> None:
    record(books, "record_payment", "pi_1", 10_000)
    books.open("merchant_settlement:mer_1")
    books.run("transfer", from_account="customer_balance:cus_1", to_account="merchant_settlement:mer_1", amount=7_000)

    answer = record(books, "record_payout", "po_1", 5_000, merchant_id="mer_1")

    assert postings(answer) == [("merchant_settlement:mer_1", 5_000), ("platform:cash", -5_000)]
    assert books.balance("merchant_settlement:mer_1") == {"available": 2_000}
    assert books.balance("platform:cash") == {"available": 5_000}
    assert answer["entry"]["references"] == {"payout_id": "po_1", "merchant_id": "mer_1"}
    assert books.tail() == ["payout.recorded"]


def test_a_dispute(books: Ledger) -> None:
    record(books, "record_payment", "pi_1", 10_000)

    answer = record(books, "record_dispute", "dp_1", 2_500)

    assert postings(answer) == [("platform:disputes_held", 2_500), ("platform:cash", -2_500)]
    assert books.balance("platform:disputes_held") == {"available": 2_500}
    assert books.balance("platform:cash") == {"available": 7_500}
    assert answer["entry"]["references"] == {"dispute_id": "dp_1", "customer_id": "cus_1"}
    assert books.tail() == ["dispute.recorded"]


def test_a_month_of_a_shop_balances(books: Ledger) -> None:
    record(books, "record_payment", "pi_1", 10_000, fees=300)
    record(books, "record_payment", "pi_2", 5_000, fees=150, customer_id="cus_2")
    record(books, "record_refund", "re_1", 1_000, payment_intent_id="pi_1")
    record(books, "record_dispute", "dp_1", 2_000, customer_id="cus_2")

    assert books.balance("platform:cash") == {"available": 12_000}
    assert books.balance("platform:disputes_held") == {"available": 2_000}
    assert books.balance("platform:fees") == {"available": 450}
    assert books.balance("customer_balance:cus_1") == {"available": 8_700}
    assert books.balance("customer_balance:cus_2") == {"available": 4_850}
    assert replay(books.tenant) == []


@pytest.mark.parametrize("command", IDS)
def test_an_id_is_recorded_once_and_the_refusal_names_the_first(books: Ledger, command: str) -> None:
    record(books, "record_payment", "pi_0", 100)
    books.open("merchant_settlement:mer_1", funded=100)
    more = {"merchant_id": "mer_1"} if command == "record_payout" else {}
    first = record(books, command, "same", 10, **more)
    before = books.size()

    with pytest.raises(DuplicateRecord) as refused:
        record(books, command, "same", 99, **more)

    assert refused.value.facts == {
        IDS[command]: "same",
        "entry": first["entry"]["id"],
        "amount": "10",
        "currency": "USD",
    }
    assert books.size() == before


def test_the_same_id_may_name_a_payment_and_a_refund_and_another_tenants(books: Ledger) -> None:
    record(books, "record_payment", "one", 10)
    record(books, "record_refund", "one", 10)
    record(Ledger(currency="USD", scale=2), "record_payment", "one", 10)

    assert BillingRecord.objects.filter(tenant=books.tenant).count() == 2


def test_a_payment_reported_by_many_webhooks_at_once_is_recorded_once(books: Ledger) -> None:
    outcomes = together([partial(record, books, "record_payment", "pi_1", 100)] * 16)

    assert Counter(type(outcome).__name__ for outcome in outcomes) == {"dict": 1, "DuplicateRecord": 15}
    assert books.balance("platform:cash") == {"available": 100}


def test_refunds_of_a_payment_come_to_the_payment_at_most(books: Ledger) -> None:
    record(books, "record_payment", "pi_1", 100)
    record(books, "record_payment", "pi_2", 900)

    outcomes = together(
        [partial(record, books, "record_refund", f"re_{n}", 30, payment_intent_id="pi_1") for n in range(12)]
    )

    assert Counter(type(outcome).__name__ for outcome in outcomes) == {"dict": 3, "RefundExceedsOriginal": 9}
    assert books.balance("customer_balance:cus_1") == {"available": 910}
    assert replay(books.tenant) == []


def test_a_refunded_payment_is_not_reversed_nor_a_reversed_one_refunded(books: Ledger) -> None:
    refunded = record(books, "record_payment", "pi_1", 100)["entry"]["id"]
    reversed_ = record(books, "record_payment", "pi_2", 100)["entry"]["id"]
    refund = record(books, "record_refund", "re_1", 10, payment_intent_id="pi_1")["entry"]["id"]
    books.run("reverse_entry", entry=reversed_)
    before = books.size()

    with pytest.raises(AlreadyRefunded):
        books.run("reverse_entry", entry=refunded)
    with pytest.raises(NotReversible):
        books.run("reverse_entry", entry=refund)
    with pytest.raises(AlreadyReversed):
        record(books, "record_refund", "re_2", 10, payment_intent_id="pi_2")

    assert books.size() == before


def test_a_name_belongs_to_the_currency_that_used_it_first(books: Ledger) -> None:
    books.run("register_currency", code="EUR", scale=2)
    record(books, "record_payment", "pi_1", 100, fees=1)

    answer = record(books, "record_payment", "pi_2", 50, fees=2, currency="EUR")

    assert postings(answer) == [
        ("platform:cash:EUR", 50),
        ("customer_balance:cus_1:EUR", -48),
        ("platform:fees:EUR", -2),
    ]
    again = record(books, "record_payment", "pi_3", 50, currency="EUR")
    assert postings(again) == [("platform:cash:EUR", 50), ("customer_balance:cus_1:EUR", -50)]
    assert books.balance("customer_balance:cus_1") == {"available": 99}


@pytest.mark.parametrize("first", ["cus_1", "cus_1:EUR"])
def test_two_customers_never_share_an_account(books: Ledger, first: str) -> None:
    """`customer_balance:cus_1:EUR` would be the euros of cus_1 and the first currency of cus_1:EUR."""
    books.run("register_currency", code="EUR", scale=2)
    record(books, "record_payment", "pi_0", 100)
    second = {"cus_1", "cus_1:EUR"} - {first}
    record(books, "record_payment", "pi_1", 100, customer_id=first, currency="EUR")
    before = books.size()

    with pytest.raises(AccountExists):
        record(books, "record_payment", "pi_2", 100, customer_id=second.pop(), currency="EUR")

    assert books.size() == before


def _strange(books: Ledger, state: str) -> None:
    books.open("customer_balance:cus_1", "merchant_settlement:mer_1", type="asset" if state == "asset" else "liability")
    for name in ("customer_balance:cus_1", "merchant_settlement:mer_1"):
        if state in {"closed", "frozen"}:
            books.run("close_account" if state == "closed" else "freeze_account", account=name)


OTHER = {"customer_id": "cus_0"}
REFUSALS = [
    ("record_payment", FeesExceedPayment, {"fees": 101, "currency": "XXX"}, "closed"),
    ("record_payment", CurrencyNotFound, {"currency": "XXX"}, "closed"),
    ("record_payment", NormalBalanceMismatch, {}, "asset"),
    ("record_payment", AccountClosed, {}, "closed"),
    ("record_refund", PaymentNotFound, {"payment_intent_id": "pi_none", "currency": "XXX"}, "closed"),
    ("record_refund", PaymentNotFound, {"payment_intent_id": "pi_0"}, "closed"),
    (
        "record_refund",
        PaymentNotFound,
        {"payment_intent_id": "pi_0", "customer_id": "cus_0", "currency": "XXX"},
        "open",
    ),
    (
        "record_refund",
        RefundExceedsOriginal,
        {"payment_intent_id": "pi_0", **OTHER, "amount": 501},
        "open",
    ),
    ("record_refund", CurrencyNotFound, {"currency": "XXX"}, "closed"),
    ("record_refund", NormalBalanceMismatch, {}, "asset"),
    ("record_refund", AccountClosed, {}, "closed"),
    ("record_refund", AccountFrozen, {}, "frozen"),
    ("record_refund", InsufficientFunds, {}, "open"),
    ("record_payout", CurrencyNotFound, {"merchant_id": "mer_1", "currency": "XXX"}, "closed"),
    ("record_payout", NormalBalanceMismatch, {"merchant_id": "mer_1"}, "asset"),
    ("record_payout", AccountClosed, {"merchant_id": "mer_1"}, "closed"),
    ("record_payout", AccountFrozen, {"merchant_id": "mer_1"}, "frozen"),
    ("record_payout", InsufficientFunds, {"merchant_id": "mer_1"}, "open"),
    ("record_payout", InsufficientFunds, {"merchant_id": "mer_new"}, "open"),
    ("record_dispute", CurrencyNotFound, {"currency": "XXX"}, "closed"),
    ("record_payment", InvalidAmount, {"amount": 0}, "open"),
    ("record_payment", InvalidAmount, {"fees": -1}, "open"),
    ("record_payment", InvalidRequest, {"customer_id": "a/b"}, "open"),
    ("record_payment", InvalidRequest, {"customer_id": "c\u200bus"}, "open"),
]


@pytest.mark.parametrize(("command", "refusal", "arguments", "state"), REFUSALS)
def test_refusals_come_in_their_order_and_record_nothing(books: Ledger, command, refusal, arguments, state) -> None:
    record(books, "record_payment", "pi_0", 500, customer_id="cus_0")
    _strange(books, state)
    before = books.size()

    with pytest.raises(refusal):
        record(books, command, "id_1", **{"amount": 100, **arguments})

    assert books.size() == before
    assert BillingRecord.objects.filter(tenant=books.tenant).count() == 1


def test_money_may_come_in_to_a_frozen_customer(books: Ledger) -> None:
    _strange(books, "frozen")

    record(books, "record_payment", "pi_1", 100)

    assert books.balance("customer_balance:cus_1") == {"available": 100}
