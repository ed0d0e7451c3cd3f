"""release_stake: bonded money goes back."""

from holds.errors import CaptureExceedsHold, HoldNotFound, HoldNotPending
from holds.tests.story import Story, later


def test_a_stake_goes_back_in_parts_or_whole_and_never_by_itself(books: Story) -> None:
    stake = books.stake(60)

    books.run("release_stake", stake=stake, amount=20)
    assert books.state(stake) == ("pending", 0, 20)
    with later(days=1000):
        books.run("release_stake", stake=stake)

    assert books.state(stake) == ("released", 0, 60)
    assert books.balance("alice") == {"available": 100}
    assert books.tail() == ["stake.released"]
    books.right()


def test_a_frozen_account_gets_its_own_back(books: Story) -> None:
    stake = books.stake(60)
    books.run("freeze_account", account="alice")

    books.run("release_stake", stake=stake)

    assert books.balance("alice") == {"available": 100}


def test_the_refusals_come_in_their_order(books: Story) -> None:
    stake = books.stake(60)

    books.refused(HoldNotFound, "release_stake", stake=books.hold(10), amount=61)
    books.refused(CaptureExceedsHold, "release_stake", stake=stake, amount=61)
    books.run("release_stake", stake=stake)
    books.refused(HoldNotPending, "release_stake", stake=stake, amount=61)
