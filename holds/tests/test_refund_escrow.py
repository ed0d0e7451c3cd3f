"""refund_escrow: the buyer gets the money back, whole or in parts."""

from holds.errors import CaptureExceedsHold, EscrowDisputed, HoldExpired, HoldNotFound, HoldNotPending
from holds.tests.story import Story, later


def test_a_refund_gives_all_back(books: Story) -> None:
    escrow = books.escrow(60)

    books.run("refund_escrow", escrow=escrow)

    assert books.balance("alice") == {"available": 100}
    assert books.state(escrow) == ("refunded", 0, 60)
    assert books.tail() == ["escrow.refunded"]
    books.right()


def test_a_refund_repays_drawn_credit_first_frozen_or_not(books: Story) -> None:
    books.credit("alice", 50)
    escrow = books.escrow(120)
    books.run("freeze_account", account="alice")

    books.run("refund_escrow", escrow=escrow, amount=50)

    assert books.balance("alice") == {"available": 30, "escrowed": 70}
    books.right()


def test_the_refusals_come_in_their_order(books: Story) -> None:
    escrow = books.escrow(60, expires_in=10)

    books.refused(HoldNotFound, "refund_escrow", escrow=books.stake(10), amount=70)
    with later(seconds=10):
        books.refused(HoldExpired, "refund_escrow", escrow=escrow, amount=70)
    books.refused(CaptureExceedsHold, "refund_escrow", escrow=escrow, amount=70)
    books.run("dispute_escrow", escrow=escrow, reason="late")
    books.refused(EscrowDisputed, "refund_escrow", escrow=escrow, amount=70)
    books.run("resolve_escrow", escrow=escrow, to_seller=0, to_buyer=60)
    books.refused(HoldNotPending, "refund_escrow", escrow=escrow, amount=70)
