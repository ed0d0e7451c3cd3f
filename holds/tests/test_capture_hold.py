"""capture_hold: held money is paid, in parts or at once, never more than was held unless that was allowed."""

from accounts.errors import (
    AccountClosed,
    AccountFrozen,
    AccountNotFound,
    CurrencyMismatch,
    InsufficientFunds,
    SameAccount,
)
from holds.errors import CaptureExceedsHold, HoldExpired, HoldNotFound, HoldNotPending
from holds.tests.story import Story, later
from ledger_project.kernel import ids


def test_a_capture_pays_and_returns_the_rest_to_the_holder(books: Story) -> None:
    hold = books.hold(100, to_account="shop")

    answer = books.answer("capture_hold", hold=hold, amount=30, order_id="order_7")

    assert books.balance("alice") == {"available": 70}
    assert books.balance("shop") == {"available": 30}
    assert books.tail(2) == ["hold.placed", "hold.captured"]
    captured = answer["hold"]
    assert (captured["captured"], captured["released"], captured["remaining"]) == ("30", "70", "0")
    assert (captured["status"], captured["order_id"]) == ("captured", "order_7")
    assert captured["captured_entry"] == answer["entry"]["id"]
    assert answer["entry"]["references"] == {"hold": hold, "order_id": "order_7"}
    assert books.state(hold) == ("captured", 30, 70)
    books.right()


def test_a_capture_is_for_all_that_is_held_unless_said(books: Story) -> None:
    hold = books.hold(60, to_account="shop")

    books.run("capture_hold", hold=hold)

    assert books.state(hold) == ("captured", 60, 0)
    assert books.balance("shop") == {"available": 60}
    assert books.balance("alice") == {"available": 40}


def test_a_capture_may_be_for_an_earlier_day(books: Story) -> None:
    hold = books.hold(60, to_account="shop")

    answer = books.answer("capture_hold", hold=hold, effective_at="2026-01-31T12:00:00+01:00", reason="January")

    assert answer["entry"]["effective_at"] == "2026-01-31T11:00:00.000000Z"
    assert answer["entry"]["description"] == "January"


def test_captures_may_be_repeated_until_the_last(books: Story) -> None:
    hold = books.hold(60, to_account="shop")

    for order in ("a", "b"):
        books.run("capture_hold", hold=hold, amount=20, final=False, order_id=order)
        books.right()
    assert books.state(hold) == ("pending", 40, 0)
    assert books.balance("alice") == {"available": 40, "held": 20}

    books.run("capture_hold", hold=hold, amount=5)

    assert books.state(hold) == ("captured", 45, 15)
    assert books.stored(hold).order_id == "b"
    assert books.balance("alice") == {"available": 55}
    assert books.balance("shop") == {"available": 45}


def test_the_capture_that_takes_the_last_of_it_ends_the_hold(books: Story) -> None:
    hold = books.hold(60, to_account="shop")

    books.run("capture_hold", hold=hold, amount=60, final=False)

    assert books.state(hold) == ("captured", 60, 0)


def test_another_receiver_may_be_named_at_the_capture(books: Story) -> None:
    hold = books.hold(60, to_account="shop")

    books.run("capture_hold", hold=hold, amount=10, to_account="bob", final=False)
    books.run("capture_hold", hold=hold, amount=20)

    assert books.balance("bob") == {"available": 10}
    assert books.balance("shop") == {"available": 20}


def test_without_a_receiver_the_platform_earns_it(books: Story) -> None:
    hold = books.hold(60)

    books.run("capture_hold", hold=hold, order_id="order_1")

    assert books.balance("platform:revenue:CRD") == {"available": 60}
    books.right()


def test_more_than_is_held_is_refused(books: Story) -> None:
    hold = books.hold(60, to_account="shop")

    facts = books.refused(CaptureExceedsHold, "capture_hold", hold=hold, amount=61)

    assert (facts["asked"], facts["remaining"]) == ("61", "60")


def test_an_overcapture_takes_the_surplus_from_what_is_available(books: Story) -> None:
    hold = books.hold(60, to_account="shop", allow_overcapture=True)

    answer = books.answer("capture_hold", hold=hold, amount=75)

    assert books.balance("alice") == {"available": 25}
    assert books.balance("shop") == {"available": 75}
    assert (answer["hold"]["captured"], answer["hold"]["overcaptured"]) == ("60", "15")
    assert books.state(hold) == ("captured", 60, 0)
    assert [(leg["name"], leg["bucket"], leg["amount"]) for leg in answer["entry"]["postings"]] == [
        ("alice", "held", "60"),
        ("shop", "available", "-60"),
        ("alice", "available", "15"),
        ("shop", "available", "-15"),
    ]
    books.right()


def test_an_overcapture_after_parts_ends_the_hold_whatever_final_says(books: Story) -> None:
    hold = books.hold(60, to_account="shop", allow_overcapture=True)
    books.run("capture_hold", hold=hold, amount=50, final=False)

    books.run("capture_hold", hold=hold, amount=12, final=False)

    assert books.state(hold) == ("captured", 60, 0)
    assert books.stored(hold).overcaptured == 2
    assert books.balance("alice") == {"available": 38}


def test_an_overcapture_needs_the_surplus(books: Story) -> None:
    hold = books.hold(60, to_account="shop", allow_overcapture=True)

    facts = books.refused(InsufficientFunds, "capture_hold", hold=hold, amount=101)

    assert (facts["required"], facts["available"], facts["shortfall"]) == ("41", "40", "1")


def test_an_overcapture_spends_like_anything_else(books: Story) -> None:
    books.credit("alice", 10)
    hold = books.hold(60, to_account="shop", allow_overcapture=True)

    books.run("capture_hold", hold=hold, amount=105)

    assert books.balance("alice") == {"credit_used": 5}
    assert books.balance("shop") == {"available": 105}


def test_a_released_rest_repays_the_credit_that_the_hold_drew(books: Story) -> None:
    books.credit("alice", 50)
    hold = books.hold(140, to_account="shop")
    assert books.balance("alice") == {"held": 140, "credit_used": 40}

    books.run("capture_hold", hold=hold, amount=70, final=False)
    assert books.balance("alice") == {"held": 70, "credit_used": 40}
    books.run("capture_hold", hold=hold, amount=50)

    assert books.balance("alice") == {"credit_used": 20}, "120 of 100 were spent"
    assert books.balance("shop") == {"available": 120}
    books.right()


def test_captured_money_repays_the_receivers_credit_first(books: Story) -> None:
    books.credit("shop", 50)
    books.run("transfer", from_account="shop", to_account="bob", amount=20)
    hold = books.hold(60, to_account="shop")

    books.run("capture_hold", hold=hold)

    assert books.balance("shop") == {"available": 40}


def test_a_late_capture_is_told_so_before_and_after_the_sweeper(books: Story) -> None:
    hold = books.hold(60, to_account="shop", expires_in=10)

    with later(seconds=9):
        books.run("capture_hold", hold=hold, amount=10, final=False)
    with later(seconds=11):
        facts = books.refused(HoldExpired, "capture_hold", hold=hold)
        assert facts["expired_at"] == books.run("expire_hold", hold=hold).document["result"]["hold"]["expires_at"]
        books.refused(HoldExpired, "capture_hold", hold=hold)

    assert books.balance("alice") == {"available": 90}


def test_a_hold_is_resolved_once(books: Story) -> None:
    captured, released = books.hold(10, to_account="shop"), books.hold(10, to_account="shop")
    books.run("capture_hold", hold=captured)
    books.run("release_hold", hold=released)

    for hold, status in ((captured, "captured"), (released, "released")):
        for command in ("capture_hold", "release_hold", "expire_hold"):
            assert books.refused(HoldNotPending, command, hold=hold)["status"] == status


def test_only_holds_are_captured(books: Story) -> None:
    other = Story()
    other.open("alice", funded=100)

    for hold in (books.escrow(10), books.stake(10), books.withdrawal(10), other.hold(10)):
        facts = books.refused(HoldNotFound, "capture_hold", hold=hold)
        assert facts == {"hold": hold, "kind": "hold"}


def test_the_receiver_is_judged_when_the_money_moves(books: Story) -> None:
    books.run("register_currency", code="EUR")
    books.open("euro", currency="EUR")
    hold = books.hold(60, to_account="shop")
    books.run("close_account", account="shop")

    books.refused(AccountNotFound, "capture_hold", hold=hold, to_account="nobody")
    books.refused(SameAccount, "capture_hold", hold=hold, to_account="alice")
    books.refused(CurrencyMismatch, "capture_hold", hold=hold, to_account="euro")
    books.refused(AccountClosed, "capture_hold", hold=hold)
    books.run("capture_hold", hold=hold, to_account="bob")

    assert books.balance("bob") == {"available": 60}


def test_a_frozen_account_pays_nothing(books: Story) -> None:
    hold = books.hold(60, to_account="shop")
    books.run("freeze_account", account="alice")

    books.refused(AccountFrozen, "capture_hold", hold=hold)
    books.run("unfreeze_account", account="alice")
    books.run("capture_hold", hold=hold)

    assert books.balance("shop") == {"available": 60}


def test_the_refusals_come_in_their_order(books: Story) -> None:
    hold = books.hold(60, expires_in=10)
    with later(seconds=10):
        books.refused(HoldExpired, "capture_hold", hold=hold, amount=100, to_account="nobody")
    books.refused(CaptureExceedsHold, "capture_hold", hold=hold, amount=100, to_account="nobody")
    books.refused(AccountNotFound, "capture_hold", hold=hold, amount=50, to_account="nobody")
    books.run("capture_hold", hold=hold)
    with later(seconds=10):
        books.refused(HoldNotPending, "capture_hold", hold=hold, amount=100, to_account="nobody")


def test_one_bulk_captures_a_hold_in_parts(books: Story) -> None:
    hold = books.hold(60, to_account="shop")
    part = {"hold": hold, "amount": 25, "final": False}

    *_, third = books.execute(*(books.call("capture_hold", **part) for _ in range(3)))

    assert isinstance(third, CaptureExceedsHold)
    assert third.facts["remaining"] == "10"
    assert books.state(hold) == ("pending", 50, 0)
    assert books.balance("shop") == {"available": 50}
    books.right()


def test_an_id_that_is_none_is_refused_by_its_form(books: Story) -> None:
    unknown = ids.show("hld", ids.make(books.stored(books.hold(1)).created_at, 9))

    assert books.refused(HoldNotFound, "capture_hold", hold=unknown)["hold"] == unknown
