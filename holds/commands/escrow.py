"""Escrow: a buyer's money is locked for a seller until it is released, refunded, decided or timed out."""

from accounts.errors import AccountClosed, AccountFrozen, AccountNotFound, AmountOverflow, InsufficientFunds
from accounts.fields import AccountRef
from accounts.rows import AccountRow
from holds.books import HoldBooks, part, require_live
from holds.commands.shared import AVAILABLE, FEES, MOVEMENT, PAYMENT, fee_pool
from holds.errors import (
    CaptureExceedsHold,
    EscrowDisputed,
    EscrowNotDisputed,
    FeeExceedsRelease,
    HoldExpired,
    HoldNotFound,
    HoldNotPending,
    SplitDiffersFromEscrow,
)
from holds.fields import HoldId, OnTimeout, PartyRef, Seconds
from holds.rows import HoldRow
from ledger_project.kernel import ids
from ledger_project.kernel.errors import InvalidRequest
from ledger_project.kernel.fields import Amount, ExternalRef, Limit, LongText, References
from ledger_project.log.command import command

LIVE = (HoldNotFound, HoldExpired, EscrowDisputed, HoldNotPending)


@command(event="escrow.locked", refuses=(InvalidRequest, *PAYMENT, InsufficientFunds, AmountOverflow), own=("buyer",))
def lock_escrow(
    books: HoldBooks,
    *,
    buyer: AccountRef,
    seller: PartyRef,
    amount: Amount,
    reference: ExternalRef,
    expires_in: Seconds | None = None,
    on_timeout: OnTimeout = "refund",
    references: References | None = None,
) -> None:
    """Lock a buyer's money for a seller. With `expires_in` the escrow ends by itself: refunded, or released."""
    if on_timeout == "release" and expires_in is None:
        raise InvalidRequest(field="on_timeout", reason="an escrow without expires_in has no timeout")
    row = books.account(buyer)
    escrow = books.place(
        "escrow",
        row,
        amount,
        to=books.party(seller, row),
        expires_in=expires_in,
        on_timeout=on_timeout,
        references={**(references or {}), "reference": reference},
    )
    books.write_entry("escrow_lock", references=escrow.entry_references())
    books.show_hold(escrow)


@command(
    event="escrow.released",
    refuses=(
        *LIVE,
        CaptureExceedsHold,
        FeeExceedsRelease,
        AccountNotFound,
        *MOVEMENT,
        AmountOverflow,
    ),
    also_wants=lambda call: [
        ("hold_counterparty", call["escrow"]),
        *[("hold_beside", (call["escrow"], FEES))] * bool(call["fee"] and call["fee_account"] is None),
    ],
    own=(),
)
def release_escrow(
    books: HoldBooks,
    *,
    escrow: HoldId,
    amount: Amount | None = None,
    fee: Limit = 0,
    fee_account: AccountRef | None = None,
    reason: LongText | None = None,
) -> None:
    """Pay the seller what is left, or `amount` of it; a fee is kept back from that for a fee pool."""
    held = books.hold(escrow, "escrow")
    books.require_acting_as(held.account, "a buyer's key releases the buyer's escrow")
    if fee:
        books.require_acting_as(None, "what a seller is charged is for the platform to say")
    require_live(held, books)
    released = part(held, amount)
    if fee > released:
        raise FeeExceedsRelease(fee=str(fee), released=str(released))
    buyer, seller = books.holder(held), _seller(books, held)
    pool = fee_pool(books, buyer, fee_account) if fee else (seller, AVAILABLE)

    books.pay(held, released - fee, (seller, AVAILABLE))
    books.pay(held, fee, pool)
    books.write_entry("escrow_release", description=reason, references=held.entry_references())
    books.show_hold(held)


@command(event="escrow.refunded", refuses=(*LIVE, CaptureExceedsHold, AmountOverflow), own=())
def refund_escrow(
    books: HoldBooks, *, escrow: HoldId, amount: Amount | None = None, reason: LongText | None = None
) -> None:
    """Give the buyer back what is left, or `amount` of it."""
    held = books.hold(escrow, "escrow")
    books.require_acting_as(held.counterparty, "a seller's key gives the seller's escrow back")
    require_live(held, books)
    books.give_back(held, part(held, amount))
    books.write_entry("escrow_refund", description=reason, references=held.entry_references())
    books.show_hold(held)


@command(event="escrow.disputed", refuses=LIVE, own=())
def dispute_escrow(books: HoldBooks, *, escrow: HoldId, reason: LongText) -> None:
    """Stop release, refund and timeout until the dispute is resolved."""
    held = books.hold(escrow, "escrow")
    require_live(held, books)
    held.status = "disputed"
    held.reason = reason
    books.show_hold(held)


@command(
    event="escrow.resolved",
    refuses=(
        HoldNotFound,
        HoldNotPending,
        EscrowNotDisputed,
        SplitDiffersFromEscrow,
        AccountClosed,
        AccountFrozen,
        AmountOverflow,
    ),
    also_wants=lambda call: [("hold_counterparty", call["escrow"])],
)
def resolve_escrow(
    books: HoldBooks, *, escrow: HoldId, to_seller: Limit, to_buyer: Limit, reason: LongText | None = None
) -> None:
    """Decide a dispute: share all that the escrow has left between seller and buyer."""
    held = books.hold(escrow, "escrow")
    if held.status == "pending":
        raise EscrowNotDisputed(hold=ids.show("hld", escrow))
    if held.status != "disputed":
        raise HoldNotPending(hold=ids.show("hld", escrow), status=held.status)
    if to_seller + to_buyer != held.remaining:
        raise SplitDiffersFromEscrow(
            hold=ids.show("hld", escrow), asked=str(to_seller + to_buyer), remaining=str(held.remaining)
        )
    books.pay(held, to_seller, (_seller(books, held), AVAILABLE), ending="resolved")
    books.give_back(held, to_buyer, ending="resolved")
    books.write_entry("escrow_resolution", description=reason, references=held.entry_references())
    books.show_hold(held)


def _seller(books: HoldBooks, held: HoldRow) -> AccountRow:
    if held.counterparty is None:
        raise AssertionError(f"escrow {held.id} has a seller")
    return books.account(ids.show("acc", held.counterparty))
