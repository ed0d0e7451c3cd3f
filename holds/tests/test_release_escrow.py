"""release_escrow: the seller is paid, whole or in parts, with or without a fee."""

from accounts.errors import AccountClosed, AccountFrozen, AccountNotFound, NormalBalanceMismatch
from holds.errors import (
    CaptureExceedsHold,
    EscrowDisputed,
    FeeExceedsRelease,
    HoldExpired,
    HoldNotFound,
    HoldNotPending,
)
from holds.tests.story import Story, later


def test_a_release_pays_the_seller(books: Story) -> None:
    escrow = books.escrow(60)

    answer = books.answer("release_escrow", escrow=escrow)

    assert books.balance("alice") == {"available": 40}
    assert books.balance("shop") == {"available": 60}
    assert books.state(escrow) == ("released", 60, 0)
    assert books.tail() == ["escrow.released"]
    assert answer["escrow"]["remaining"] == "0"
    assert answer["entry"]["references"] == {"hold": escrow, "reference": "job_1"}
    books.right()


def test_a_release_may_come_in_parts(books: Story) -> None:
    escrow = books.escrow(60)

    books.run("release_escrow", escrow=escrow, amount=20)
    assert books.state(escrow) == ("pending", 20, 0)
    books.run("refund_escrow", escrow=escrow, amount=10)
    books.run("release_escrow", escrow=escrow)

    assert books.state(escrow) == ("released", 50, 10)
    assert books.balance("shop") == {"available": 50}
    assert books.balance("alice") == {"available": 50}


def test_a_fee_goes_into_the_platforms_pool(books: Story) -> None:
    escrow = books.escrow(60)

    books.run("release_escrow", escrow=escrow, amount=40, fee=3)

    assert books.balance("shop") == {"available": 37}
    assert books.balance("platform:fees:CRD") == {"fee_pool": 3}
    assert books.state(escrow) == ("pending", 40, 0)
    assert books.balance("alice") == {"available": 40, "escrowed": 20}
    books.right()


def test_a_fee_account_may_be_named(books: Story) -> None:
    books.open("market", type="revenue")
    escrow = books.escrow(60)

    books.run("release_escrow", escrow=escrow, fee=60, fee_account="market")

    assert books.balance("market") == {"fee_pool": 60}, "a fee may be all of it"
    assert books.balance("shop") == {}
    assert books.state(escrow) == ("released", 60, 0)


def test_a_frozen_seller_may_be_paid_and_a_frozen_buyer_pays_nothing(books: Story) -> None:
    first, second = books.escrow(30), books.escrow(30)
    books.run("freeze_account", account="shop")
    books.run("release_escrow", escrow=first)
    books.run("freeze_account", account="alice")

    books.refused(AccountFrozen, "release_escrow", escrow=second)

    assert books.balance("shop") == {"available": 30}


def test_the_refusals_come_in_their_order(books: Story) -> None:
    books.open("cash", type="asset")
    escrow = books.escrow(60, expires_in=10)

    def refused(refusal: type, **arguments: object) -> None:
        books.refused(refusal, "release_escrow", **{"escrow": escrow, "amount": 70, "fee": 80, **arguments})

    refused(HoldNotFound, escrow=books.hold(10))
    with later(seconds=10):
        refused(HoldExpired)
    refused(CaptureExceedsHold)
    refused(FeeExceedsRelease, amount=50, fee=51, fee_account="nobody")
    refused(AccountNotFound, amount=50, fee=1, fee_account="nobody")
    refused(NormalBalanceMismatch, amount=50, fee=1, fee_account="cash")
    books.run("close_account", account="shop")
    refused(AccountClosed, amount=50, fee=0)
    books.run("dispute_escrow", escrow=escrow, reason="gone")
    refused(EscrowDisputed)
    books.run("resolve_escrow", escrow=escrow, to_seller=0, to_buyer=60)
    refused(HoldNotPending)
