"""release_hold: held money goes back to its owner."""

from holds.errors import CaptureExceedsHold, HoldNotFound, HoldNotPending
from holds.tests.story import Story, later


def test_a_release_gives_all_back(books: Story) -> None:
    hold = books.hold(60, to_account="shop")

    answer = books.answer("release_hold", hold=hold, reason="the job failed")

    assert books.balance("alice") == {"available": 100}
    assert books.state(hold) == ("released", 0, 60)
    assert books.tail() == ["hold.released"]
    assert answer["entry"]["references"] == {"hold": hold}
    assert answer["entry"]["description"] == "the job failed"
    assert [(b["name"], b["total_in"], b["total_out"]) for b in answer["balances"]] == [("alice", "100", "0")]
    books.right()


def test_a_part_may_go_back_and_the_rest_be_captured(books: Story) -> None:
    hold = books.hold(60, to_account="shop")

    books.run("release_hold", hold=hold, amount=25)
    assert books.state(hold) == ("pending", 0, 25)
    assert books.balance("alice") == {"available": 65, "held": 35}
    books.run("capture_hold", hold=hold)

    assert books.state(hold) == ("captured", 35, 25)
    assert books.balance("shop") == {"available": 35}


def test_what_was_partly_captured_ends_as_captured(books: Story) -> None:
    hold = books.hold(60, to_account="shop")
    books.run("capture_hold", hold=hold, amount=20, final=False)

    books.run("release_hold", hold=hold)

    assert books.state(hold) == ("captured", 20, 40)


def test_a_release_repays_drawn_credit_first(books: Story) -> None:
    books.credit("alice", 50)
    hold = books.hold(130)

    books.run("release_hold", hold=hold, amount=20)
    assert books.balance("alice") == {"held": 110, "credit_used": 10}
    books.run("release_hold", hold=hold)

    assert books.balance("alice") == {"available": 100}
    books.right()


def test_a_limit_lowered_below_use_does_not_stop_a_release(books: Story) -> None:
    books.credit("alice", 50)
    hold = books.hold(150)
    books.credit("alice", 0)

    books.run("release_hold", hold=hold, amount=20)
    assert books.balance("alice") == {"held": 130, "credit_used": 30}
    books.run("release_hold", hold=hold)

    assert books.balance("alice") == {"available": 100}


def test_a_frozen_account_gets_its_own_back(books: Story) -> None:
    hold = books.hold(60)
    books.run("freeze_account", account="alice")

    books.run("release_hold", hold=hold)

    assert books.balance("alice") == {"available": 100}


def test_the_release_of_an_expired_hold_is_its_expiry(books: Story) -> None:
    hold = books.hold(60, expires_in=10)

    with later(seconds=10):
        books.run("release_hold", hold=hold, amount=5)

    assert books.state(hold) == ("expired", 0, 60)
    assert books.balance("alice") == {"available": 100}


def test_no_more_than_is_left_goes_back(books: Story) -> None:
    hold = books.hold(60, to_account="shop")
    books.run("capture_hold", hold=hold, amount=20, final=False)

    facts = books.refused(CaptureExceedsHold, "release_hold", hold=hold, amount=41)

    assert (facts["asked"], facts["remaining"]) == ("41", "40")


def test_the_refusals_come_in_their_order(books: Story) -> None:
    hold = books.hold(60)

    books.refused(HoldNotFound, "release_hold", hold="hld_" + "0" * 32, amount=100)
    books.refused(HoldNotFound, "release_hold", hold=books.stake(10))
    books.refused(CaptureExceedsHold, "release_hold", hold=hold, amount=100)
    books.run("release_hold", hold=hold)
    books.refused(HoldNotPending, "release_hold", hold=hold, amount=100)
