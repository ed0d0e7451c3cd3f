"""dispute_escrow and resolve_escrow: nothing moves until somebody decides, and the decision gives all of it."""

import pytest

from accounts.errors import AccountClosed, AccountFrozen
from holds.errors import (
    EscrowDisputed,
    EscrowNotDisputed,
    HoldExpired,
    HoldNotFound,
    HoldNotPending,
    SplitDiffersFromEscrow,
)
from holds.tests.story import Story, later


def test_a_dispute_stops_everything(books: Story) -> None:
    escrow = books.escrow(60, expires_in=10, on_timeout="release")

    answer = books.answer("dispute_escrow", escrow=escrow, reason="never delivered")

    assert (answer["escrow"]["status"], answer["escrow"]["reason"]) == ("disputed", "never delivered")
    assert answer["entry"] is None
    assert books.balance("alice") == {"available": 40, "escrowed": 60}
    with later(seconds=20):
        for command in ("release_escrow", "refund_escrow"):
            books.refused(EscrowDisputed, command, escrow=escrow)
        books.refused(EscrowDisputed, "dispute_escrow", escrow=escrow, reason="again")
        books.refused(EscrowDisputed, "expire_hold", hold=escrow)
    books.right()


@pytest.mark.parametrize(("to_seller", "to_buyer"), [(45, 0), (0, 45), (30, 15)])
def test_a_decision_shares_what_is_left(books: Story, to_seller: int, to_buyer: int) -> None:
    escrow = books.escrow(60)
    books.run("release_escrow", escrow=escrow, amount=15)
    books.run("dispute_escrow", escrow=escrow, reason="poor work")

    books.run("resolve_escrow", escrow=escrow, to_seller=to_seller, to_buyer=to_buyer, reason="by the arbiter")

    assert books.state(escrow) == ("resolved", 15 + to_seller, to_buyer)
    assert books.balance("alice").get("available") == 40 + to_buyer
    assert books.balance("shop").get("available") == 15 + to_seller
    assert books.tail() == ["escrow.resolved"]
    books.right()


def test_a_decision_is_made_after_the_time_is_over_too(books: Story) -> None:
    escrow = books.escrow(60, expires_in=10)
    books.run("dispute_escrow", escrow=escrow, reason="late")

    with later(days=30):
        books.run("resolve_escrow", escrow=escrow, to_seller=60, to_buyer=0)

    assert books.balance("shop") == {"available": 60}


def test_a_refund_by_decision_reaches_a_frozen_buyer(books: Story) -> None:
    escrow = books.escrow(60)
    books.run("dispute_escrow", escrow=escrow, reason="late")
    books.run("freeze_account", account="alice")

    books.refused(AccountFrozen, "resolve_escrow", escrow=escrow, to_seller=1, to_buyer=59)
    books.run("resolve_escrow", escrow=escrow, to_seller=0, to_buyer=60)

    assert books.balance("alice") == {"available": 100}


def test_the_refusals_come_in_their_order(books: Story) -> None:
    escrow = books.escrow(60, expires_in=10)

    def refused(refusal: type, which: str = escrow, to_seller: int = 60, to_buyer: int = 1) -> None:
        books.refused(refusal, "resolve_escrow", escrow=which, to_seller=to_seller, to_buyer=to_buyer)

    books.refused(HoldNotFound, "dispute_escrow", escrow=books.hold(10), reason="r")
    with later(seconds=10):
        books.refused(HoldExpired, "dispute_escrow", escrow=escrow, reason="r")
    refused(HoldNotFound, which=books.hold(10))
    refused(EscrowNotDisputed)
    books.run("dispute_escrow", escrow=escrow, reason="r")
    refused(SplitDiffersFromEscrow)
    refused(SplitDiffersFromEscrow, to_seller=0, to_buyer=0)
    books.run("close_account", account="shop")
    refused(AccountClosed, to_seller=60, to_buyer=0)
    books.run("resolve_escrow", escrow=escrow, to_seller=0, to_buyer=60)
    refused(HoldNotPending)
    books.refused(HoldNotPending, "dispute_escrow", escrow=escrow, reason="r")
