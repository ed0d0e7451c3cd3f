"""place_hold: money is set aside, still its owner's, and no longer spendable."""

from datetime import timedelta

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
from holds.tests.story import Story
from ledger_project.kernel import clock
from ledger_project.kernel.errors import InvalidAmount, InvalidRequest, UnknownField
from ledger_project.log.command import COMMANDS


def test_a_hold_sets_money_aside(books: Story) -> None:
    answer = books.answer("place_hold", account="alice", amount=60, to_account="shop", reason="GPU hours")

    hold = answer["hold"]
    assert books.balance("alice") == {"available": 40, "held": 60}
    assert books.balance("shop") == {}
    assert books.tail() == ["hold.placed"]
    assert {name: hold[name] for name in ("kind", "amount", "captured", "released", "remaining", "status")} == {
        "kind": "hold",
        "amount": "60",
        "captured": "0",
        "released": "0",
        "remaining": "60",
        "status": "pending",
    }
    assert hold["id"] == "hld_" + answer["event"]["id"][4:]
    assert hold["reason"] == answer["entry"]["description"] == "GPU hours"
    assert answer["entry"]["references"] == {"hold": hold["id"]}
    assert [(leg["name"], leg["bucket"], leg["amount"]) for leg in answer["entry"]["postings"]] == [
        ("alice", "available", "60"),
        ("alice", "held", "-60"),
    ]
    assert [(b["name"], b["available"], b["held"], b["posted"]) for b in answer["balances"]] == [
        ("alice", "40", "60", "100")
    ]
    books.right()


def test_a_hold_lives_a_week_unless_said_otherwise(books: Story) -> None:
    week, minute = (books.answer("place_hold", account="alice", amount=1, **span) for span in ({}, {"expires_in": 60}))

    for answer, span in ((week, timedelta(days=7)), (minute, timedelta(minutes=1))):
        placed = clock.read(answer["event"]["recorded_at"])
        assert clock.read(answer["hold"]["expires_at"]) == placed + span
    assert books.stored(minute["hold"]["id"]).expires_at == clock.read(minute["hold"]["expires_at"])


def test_the_replay_of_a_call_is_the_same_to_the_byte(books: Story) -> None:
    call = {
        "account": "alice",
        "amount": 10,
        "references": {"payment_intent_id": "pi_1", "job": "j", "zz": "z"},
        "key": "once",
    }
    first = books.answer("place_hold", **call)

    assert repr(books.answer("place_hold", **call)) == repr(first)
    assert books.balance("alice") == {"available": 90, "held": 10}


def test_a_dry_run_says_what_would_be_and_places_nothing(books: Story) -> None:
    before = books.picture()

    done = books.run("place_hold", dry_run=True, account="alice", amount=60)

    assert done.document["result"]["hold"]["amount"] == "60"
    assert books.picture() == before


def test_a_shortfall_is_drawn_from_the_credit_line(books: Story) -> None:
    books.credit("alice", 50)

    books.hold(130)

    assert books.balance("alice") == {"held": 130, "credit_used": 30}
    books.right()


def test_promo_money_is_not_held(books: Story) -> None:
    books.run("promo_mint", account="bob", amount=10)

    facts = books.refused(InsufficientFunds, "place_hold", account="bob", amount=5)

    assert facts["available"] == "0"


def test_more_than_there_is_cannot_be_promised(books: Story) -> None:
    books.credit("alice", 50)
    books.hold(100)

    facts = books.refused(InsufficientFunds, "place_hold", account="alice", amount=60)

    assert (facts["required"], facts["available"], facts["shortfall"]) == ("60", "50", "10")


def test_an_unbounded_account_holds_too(books: Story) -> None:
    books.open("house", unbounded=True)

    hold = books.make("place_hold", account="house", amount=30, to_account="shop")
    assert books.balance("house") == {"available": -30, "held": 30}
    books.run("capture_hold", hold=hold, amount=10)

    assert books.balance("house") == {"available": -10}
    assert books.balance("shop") == {"available": 10}
    books.right()


def test_a_hold_is_for_someone_else_of_the_same_money(books: Story) -> None:
    books.open("cash", type="asset")
    books.open("gone")
    books.run("register_currency", code="EUR")
    books.open("euro", currency="EUR")
    books.run("close_account", account="gone")

    def refused(refusal: type, receiver: str) -> None:
        books.refused(refusal, "place_hold", account="alice", amount=10, to_account=receiver)

    refused(AccountNotFound, "nobody")
    refused(SameAccount, "alice")
    refused(CurrencyMismatch, "euro")
    refused(NormalBalanceMismatch, "cash")
    refused(AccountClosed, "gone")


def test_the_refusals_come_in_their_order(books: Story) -> None:
    books.run("freeze_account", account="alice")

    books.refused(AccountNotFound, "place_hold", account="nobody", amount=10**6, to_account="nobody")
    books.refused(SameAccount, "place_hold", account="alice", amount=10**6, to_account="alice")
    books.refused(AccountFrozen, "place_hold", account="alice", amount=10**6)
    books.run("unfreeze_account", account="alice")
    books.refused(InsufficientFunds, "place_hold", account="alice", amount=10**6)


@pytest.mark.parametrize("seconds", [0, -1, 31_536_001, "60", 1.5, True])
def test_the_time_of_a_hold_is_a_second_to_a_year(books: Story, seconds: object) -> None:
    with pytest.raises(InvalidRequest) as caught:
        books.call("place_hold", account="alice", amount=1, expires_in=seconds)

    assert caught.value.facts["field"] == "expires_in"


def test_amounts_and_fields_are_strict(books: Story) -> None:
    for amount in (0, -1, 1.5, "1e3", True, 10**38):
        with pytest.raises(InvalidAmount):
            books.call("place_hold", account="alice", amount=amount)
    with pytest.raises(UnknownField):
        books.call("place_hold", account="alice", amount=1, expiry=60)


def test_the_seed_calls_it_an_intent() -> None:
    assert COMMANDS["place_hold"].seed_events == ("INTENT_CREATED",)
    assert COMMANDS["capture_hold"].seed_events == ("ORDER_CREATED", "PAYMENT_SUCCEEDED")


def test_38_digits_are_held_exactly(books: Story) -> None:
    amount = 10**38 - 1 - 100  # all that issuance has not given alice, whose stripe of it may be the same
    books.open("whale", funded=amount)

    hold = books.make("place_hold", account="whale", amount=str(amount))

    assert books.balance("whale") == {"held": amount}
    assert int(books.stored(hold).amount) == amount
