"""extend_hold: a hold or an escrow ends later."""

from holds.errors import EscrowDisputed, ExpiryNotLater, HoldExpired, HoldNotFound, HoldNotPending
from holds.tests.story import Story, later
from ledger_project.kernel import clock


def test_an_extended_hold_is_captured_later(books: Story) -> None:
    hold = books.hold(60, to_account="shop", expires_in=10)

    answer = books.answer("extend_hold", hold=hold, expires_in=100)

    span = clock.read(answer["hold"]["expires_at"]) - clock.read(answer["event"]["recorded_at"])
    assert span.total_seconds() == 100
    assert answer["entry"] is None
    assert books.tail() == ["hold.extended"]
    with later(seconds=50):
        books.run("capture_hold", hold=hold)
    assert books.balance("shop") == {"available": 60}


def test_a_hold_is_not_cut_short(books: Story) -> None:
    hold = books.hold(60, expires_in=100)

    books.refused(ExpiryNotLater, "extend_hold", hold=hold, expires_in=50)
    books.refused(ExpiryNotLater, "extend_hold", hold=books.escrow(10), expires_in=50)


def test_the_refusals_come_in_their_order(books: Story) -> None:
    hold, escrow = books.hold(10, expires_in=10), books.escrow(10, expires_in=10)

    books.refused(HoldNotFound, "extend_hold", hold=books.stake(10), expires_in=1)
    with later(seconds=10):
        books.refused(HoldExpired, "extend_hold", hold=hold, expires_in=1)
        books.refused(HoldExpired, "extend_hold", hold=escrow, expires_in=1)
    books.run("dispute_escrow", escrow=escrow, reason="broken")
    books.refused(EscrowDisputed, "extend_hold", hold=escrow, expires_in=1)
    books.run("release_hold", hold=hold)
    books.refused(HoldNotPending, "extend_hold", hold=hold, expires_in=1)
