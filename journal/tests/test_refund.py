"""refund: what an entry paid is given back, in parts or as a whole, and never more."""

from collections import Counter
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from accounts.errors import AccountClosed, AccountFrozen, InsufficientFunds
from journal.errors import (
    AlreadyRefunded,
    AlreadyReversed,
    EntryNotFound,
    NotRefundable,
    NotReversible,
    RefundExceedsOriginal,
)
from journal.models import PromoGrant, RefundTotal
from journal.promo_expiry import expire_due
from journal.replay import replay
from ledger_project.kernel import clock
from ledger_project.testing.crowd import together
from ledger_project.testing.ledger import Ledger


@pytest.fixture
def books(ledger: Ledger) -> Ledger:
    ledger.open("alice", funded=100)
    ledger.open("shop")
    return ledger


def entry(books: Ledger, command: str, **arguments: Any) -> str:
    return str(books.answer(command, **arguments)["entry"]["id"])


def pay(books: Ledger, amount: int = 60) -> str:
    return entry(books, "transfer", from_account="alice", to_account="shop", amount=amount)


def test_a_refund_gives_back_all_that_was_paid(books: Ledger) -> None:
    paid = pay(books)

    answer = books.answer("refund", entry=paid, reason="broken")

    assert books.balance("alice") == {"available": 100}
    assert books.balance("shop") == {}
    assert books.tail() == ["refund.posted"]
    assert answer["entry"]["references"] == {"refund_of": paid}
    assert answer["entry"]["description"] == "broken"
    assert answer["refund"] == {
        "entry": paid,
        "original": "60",
        "refunded": "60",
        "left": "0",
        "amount": "60",
        "promo": [],
    }


def test_parts_add_up_to_the_original_and_no_further(books: Ledger) -> None:
    paid = pay(books)
    books.run("refund", entry=paid, amount=25)
    books.run("refund", entry=paid, amount=25)

    with pytest.raises(RefundExceedsOriginal) as refused:
        books.run("refund", entry=paid, amount=11)
    books.run("refund", entry=paid)
    with pytest.raises(RefundExceedsOriginal) as spent:
        books.run("refund", entry=paid)

    assert refused.value.facts == {"entry": paid, "original": "60", "refunded": "50", "left": "10", "asked": "11"}
    assert spent.value.facts["left"] == "0"
    assert books.balance("alice") == {"available": 100}
    assert replay(books.tenant) == []


def test_32_partial_refunds_at_once_come_to_the_original_exactly(books: Ledger) -> None:
    paid = pay(books)
    books.run("mint", account="shop", amount=1000)

    outcomes = together([partial(books.run, "refund", entry=paid, amount=7)] * 32)

    assert Counter(type(outcome).__name__ for outcome in outcomes) == {"Done": 8, "RefundExceedsOriginal": 24}
    assert books.balance("alice") == {"available": 96}
    assert books.balance("shop") == {"available": 1004}
    assert RefundTotal.objects.get(tenant=books.tenant).refunded == 56
    assert replay(books.tenant) == []


def test_refunds_in_one_batch_see_each_other(books: Ledger) -> None:
    paid = pay(books)

    results = books.execute(*[books.call("refund", entry=paid, amount=25) for _ in range(3)])

    assert [isinstance(result, RefundExceedsOriginal) for result in results] == [False, False, True]
    assert books.balance("alice") == {"available": 90}


def test_a_refund_never_overdraws_the_receiver_not_even_by_its_credit(books: Ledger) -> None:
    paid = pay(books)
    books.run("transfer", from_account="shop", to_account="alice", amount=50)
    books.run("set_credit_limit", account="shop", credit_limit=1000)
    before = books.size()

    with pytest.raises(InsufficientFunds) as refused:
        books.run("refund", entry=paid, amount=11)

    assert refused.value.facts["available"] == "10"
    assert books.size() == before
    assert not RefundTotal.objects.filter(tenant=books.tenant).exists()
    books.run("refund", entry=paid, amount=10)
    assert books.balance("shop") == {}


def test_a_refund_repays_the_payers_credit_first(books: Ledger) -> None:
    books.run("set_credit_limit", account="alice", credit_limit=50)
    paid = pay(books, 130)

    books.run("refund", entry=paid, amount=40)

    assert books.balance("alice") == {"available": 10}


def test_the_platform_can_refund_what_it_was_paid(books: Ledger) -> None:
    paid = entry(books, "spend", account="alice", amount=30)

    books.run("refund", entry=paid)

    assert books.balance("alice") == {"available": 100}
    assert books.balance("platform:revenue:CRD") == {}


def test_promotional_money_comes_back_last_and_as_what_it_was(books: Ledger) -> None:
    books.run("promo_mint", account="alice", amount=10)
    books.run("promo_mint", account="alice", amount=20, expires_in=100)
    paid = entry(books, "spend", account="alice", to_account="shop", amount=50, use_promo=True)
    assert books.balance("alice") == {"available": 80}

    steps = []
    for amount in (15, 10, 20, 5):
        answer = books.answer("refund", entry=paid, amount=amount)
        steps.append((books.balance("alice"), [use["amount"] for use in answer["refund"]["promo"]]))

    assert steps == [
        ({"available": 95}, []),
        ({"available": 100, "promo": 5}, ["5"]),
        ({"available": 100, "promo": 25}, ["5", "15"]),
        ({"available": 100, "promo": 30}, ["5"]),
    ]
    spent = PromoGrant.objects.filter(tenant=books.tenant).values_list("spent", flat=True)
    assert list(spent) == [0, 0]
    assert replay(books.tenant) == []


def test_promotional_money_that_comes_back_keeps_its_date(books: Ledger) -> None:
    books.run("promo_mint", account="alice", amount=20, expires_in=100)
    paid = entry(books, "spend", account="alice", to_account="shop", amount=20, use_promo=True)

    with clock.moved(timedelta(hours=1)):
        books.run("refund", entry=paid)
        assert books.balance("alice") == {"available": 100, "promo": 20}
        with pytest.raises(InsufficientFunds):
            books.run("spend", account="alice", to_account="shop", amount=101, use_promo=True)
        expire_due()

    assert books.balance("alice") == {"available": 100}
    assert replay(books.tenant) == []


def test_a_reversed_entry_is_not_refunded(books: Ledger) -> None:
    paid = pay(books)
    reversal = entry(books, "reverse_entry", entry=paid)
    before = books.size()

    with pytest.raises(AlreadyReversed) as refused:
        books.run("refund", entry=paid)

    assert refused.value.facts == {"entry": paid, "reversed_by": reversal}
    with pytest.raises(NotRefundable):
        books.run("refund", entry=reversal)
    assert books.size() == before


def test_a_refunded_entry_and_a_refund_are_not_reversed(books: Ledger) -> None:
    paid = pay(books)
    refund = entry(books, "refund", entry=paid, amount=1)
    before = books.size()

    with pytest.raises(AlreadyRefunded) as refused:
        books.run("reverse_entry", entry=paid)
    with pytest.raises(NotReversible):
        books.run("reverse_entry", entry=refund)
    with pytest.raises(NotRefundable):
        books.run("refund", entry=refund)

    assert refused.value.facts == {"entry": paid, "refunded": "1"}
    assert books.size() == before


@pytest.mark.parametrize("_", range(5))
def test_a_refund_and_a_reversal_at_once_are_not_both_accepted(books: Ledger, _: int) -> None:
    paid = pay(books)
    books.run("mint", account="shop", amount=1000)

    refund = partial(books.run, "refund", entry=paid)
    reverse = partial(books.run, "reverse_entry", entry=paid)
    outcomes = together([refund, reverse] * 4)

    kinds = Counter(type(outcome).__name__ for outcome in outcomes)
    assert kinds.pop("Done") == 1
    assert set(kinds) <= {"AlreadyReversed", "AlreadyRefunded", "RefundExceedsOriginal"}
    assert books.balance("alice") == {"available": 100}
    assert books.balance("shop") == {"available": 1000}


NOT_PAYMENTS = [
    ("mint", {"account": "alice", "amount": 5}),
    ("burn", {"account": "alice", "amount": 5}),
    ("promo_mint", {"account": "alice", "amount": 5}),
    ("charge_fee", {"account": "alice", "amount": 5}),
    ("draw_credit", {"account": "alice", "amount": 5}),
    (
        "record_payment",
        {"payment_intent_id": "pi", "customer_id": "cus", "amount": 5, "currency": "CRD", "fees": 1},
    ),
    (
        "post_entry",
        {
            "postings": [
                {"account": "alice", "amount": 3},
                {"account": "shop", "amount": -2},
                {"account": "carol", "amount": -1},
            ]
        },
    ),
    (
        "post_entry",
        {"kind": "salary", "postings": [{"account": "alice", "amount": 3}, {"account": "shop", "amount": -3}]},
    ),
    ("post_entry", {"postings": [{"account": "cash", "amount": 3}, {"account": "shop", "amount": -3}]}),
]


@pytest.mark.parametrize(("command", "arguments"), NOT_PAYMENTS)
def test_only_a_payment_from_one_to_one_is_refunded(books: Ledger, command, arguments) -> None:
    books.open("carol")
    books.open("cash", type="asset")
    books.run("set_credit_limit", account="alice", credit_limit=5)
    other = entry(books, command, **arguments)
    before = books.size()

    with pytest.raises(NotRefundable):
        books.run("refund", entry=other)

    assert books.size() == before


def test_a_free_form_entry_from_one_to_one_is_a_payment(books: Ledger) -> None:
    legs = [{"account": "alice", "amount": 30}, {"account": "shop", "amount": -30}]

    books.run("refund", entry=entry(books, "post_entry", postings=legs), amount=10)

    assert books.balance("alice") == {"available": 80}


def test_a_capture_is_refunded_what_it_took_and_not_what_it_released(books: Ledger) -> None:
    hold = books.answer("place_hold", account="alice", amount=50, to_account="shop")["hold"]["id"]
    captured = entry(books, "capture_hold", hold=hold, amount=30)

    with pytest.raises(RefundExceedsOriginal):
        books.run("refund", entry=captured, amount=31)
    books.run("refund", entry=captured)

    assert books.balance("alice") == {"available": 100}
    assert books.balance("shop") == {}


def test_an_escrow_released_with_a_fee_paid_two_and_is_not_refunded(books: Ledger) -> None:
    locked = {"buyer": "alice", "seller": "shop", "amount": 50, "reference": "job"}
    escrow = books.answer("lock_escrow", **locked)["escrow"]["id"]
    whole = books.answer("lock_escrow", **locked)["escrow"]["id"]
    shared = entry(books, "release_escrow", escrow=escrow, fee=5)

    with pytest.raises(NotRefundable):
        books.run("refund", entry=shared)
    books.run("refund", entry=entry(books, "release_escrow", escrow=whole), amount=20)

    assert books.balance("alice") == {"available": 20}
    assert books.balance("shop") == {"available": 75}


REFUSALS = [
    (RefundExceedsOriginal, ["close shop", "freeze alice"], 61),
    (AccountClosed, ["close shop"], 60),
    (AccountFrozen, ["freeze shop"], 60),
    (InsufficientFunds, ["empty shop", "close alice"], 60),
    (AccountClosed, ["close alice"], 60),
]


@pytest.mark.parametrize(("refusal", "steps", "amount"), REFUSALS)
def test_refusals_come_in_their_order_and_move_nothing(books: Ledger, refusal, steps, amount) -> None:
    books.open("sink", unbounded=True)
    paid = pay(books)
    for step in steps:
        verb, name = step.split()
        if verb in {"close", "empty"}:
            left = books.balance(name).get("available", 0)
            books.run("transfer", from_account=name, to_account="sink", amount=left)
        if verb != "empty":
            books.run(f"{verb}_account", account=name)
    before = books.size()

    with pytest.raises(refusal):
        books.run("refund", entry=paid, amount=amount)

    assert books.size() == before


def test_an_entry_that_is_not_there_or_not_ours_is_not_found(books: Ledger) -> None:
    paid = pay(books)

    with pytest.raises(EntryNotFound):
        books.run("refund", entry="ent_" + "0" * 32)
    with pytest.raises(EntryNotFound):
        Ledger().run("refund", entry=paid)


def test_money_that_is_received_frozen_may_still_be_given_back_to(books: Ledger) -> None:
    paid = pay(books)
    books.run("freeze_account", account="alice")

    books.run("refund", entry=paid)

    assert books.balance("alice") == {"available": 100}
