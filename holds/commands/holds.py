"""Holds: money that is promised, then captured or given back."""

from datetime import timedelta

from accounts.errors import AccountFrozen, AmountOverflow, InsufficientFunds
from accounts.fields import AccountRef, SessionKeyId
from accounts.rows import AccountRow
from holds.books import HoldBooks, part, require_live, require_pending
from holds.commands.shared import AVAILABLE, PAYMENT, REVENUE, SESSION_KEY
from holds.errors import (
    CaptureExceedsHold,
    EscrowDisputed,
    ExpiryNotLater,
    HoldExpired,
    HoldNotDue,
    HoldNotFound,
    HoldNotPending,
    PaymentClaimed,
)
from holds.fields import HoldId, PartyRef, Seconds
from holds.rows import HoldRow
from ledger_project.kernel import clock, ids
from ledger_project.kernel.fields import Amount, ExternalRef, Flag, LongText, Moment, References, Want
from ledger_project.log.command import Arguments, command

WEEK = 7 * 24 * 3600


def _payment(call: Arguments) -> Want:
    """The authorised payment that may stand on the hold; it has the hold's id."""
    return "authorization", call["hold"]


@command(
    event="hold.placed",
    refuses=(*PAYMENT, *SESSION_KEY, InsufficientFunds, AmountOverflow),
    also_wants=lambda call: [("promo_purse", call["account"])],
    seed_events=("INTENT_CREATED",),
    own=("account",),
)
def place_hold(
    books: HoldBooks,
    *,
    account: AccountRef,
    amount: Amount,
    to_account: PartyRef | None = None,
    reason: LongText | None = None,
    expires_in: Seconds = WEEK,
    allow_overcapture: Flag = False,
    references: References | None = None,
    session_key: SessionKeyId | None = None,
) -> None:
    """Set money of an account aside until it is captured, released or expired: grants first, in their order, then its
    own; a shortfall draws the credit line.

    With a session key, its caps, receivers and time are held to; its revocation refuses new holds and no capture.
    """
    row = books.account(account)
    to = books.party(to_account, row) if to_account is not None else None
    hold = books.place(
        "hold",
        row,
        amount,
        to=to,
        expires_in=expires_in,
        allow_overcapture=allow_overcapture,
        reason=reason,
        references=references,
        session_key=session_key,
    )
    books.write_entry("hold", description=reason, references=hold.entry_references())
    books.show_hold(hold)


@command(
    event="hold.captured",
    refuses=(
        HoldNotFound,
        HoldExpired,
        HoldNotPending,
        PaymentClaimed,
        CaptureExceedsHold,
        *PAYMENT,
        *SESSION_KEY,
        InsufficientFunds,
        AmountOverflow,
    ),
    also_wants=lambda call: [_payment(call), *[("hold_payee", (call["hold"], REVENUE))] * (call["to_account"] is None)],
    seed_events=("ORDER_CREATED", "PAYMENT_SUCCEEDED"),
    own=(),
)
def capture_hold(
    books: HoldBooks,
    *,
    hold: HoldId,
    amount: Amount | None = None,
    to_account: AccountRef | None = None,
    order_id: ExternalRef | None = None,
    final: Flag = True,
    reason: LongText | None = None,
    effective_at: Moment | None = None,
) -> None:
    """Turn held money into paid money: all that is left, or `amount` of it; after a final capture the rest goes back.

    It is paid to `to_account`, else to the account that the hold names, else to the platform's revenue. More than is
    left is captured only from a hold with `allow_overcapture`: the surplus is spent like any other money.
    """
    held = books.hold(hold, "hold")
    books.require_acting_as(held.account, "an account's own key captures that account's holds")
    require_live(held, books)
    books.require_unclaimed(held)
    asked = held.remaining if amount is None else amount
    surplus = max(0, asked - held.remaining) if held.allow_overcapture else 0
    captured = part(held, asked - surplus)
    payee = books.payee(held, to_account, REVENUE)

    books.pay(held, captured, (payee, AVAILABLE))
    if surplus:
        books.pay_more(held, surplus, payee)
    if final and held.remaining:
        books.give_back(held, held.remaining)
    entry = books.write_entry(
        "capture",
        description=reason,
        references=held.entry_references(order_id=order_id),
        metadata={"promo": [use.document() for use in books.uses]} if books.uses else None,
        effective_at=effective_at,
    )
    held.captured_entry = entry.id
    held.order_id = order_id or held.order_id
    books.show_hold(held)
    books.end_payment(held)


@command(
    event="hold.released",
    refuses=(HoldNotFound, HoldNotPending, PaymentClaimed, CaptureExceedsHold, AmountOverflow),
    also_wants=lambda call: [_payment(call)],
    own=(),
)
def release_hold(
    books: HoldBooks, *, hold: HoldId, amount: Amount | None = None, reason: LongText | None = None
) -> None:
    """Give held money back to its account: all that is left, or `amount` of it; of an expired hold always all."""
    held = books.hold(hold, "hold")
    require_pending(held)
    books.require_unclaimed(held)
    if held.due(books.now):
        books.give_back(held, held.remaining, ending="expired")
    else:
        books.give_back(held, part(held, amount))
    books.write_entry("release", description=reason, references=held.entry_references())
    books.show_hold(held)
    books.end_payment(held)


@command(
    event="hold.extended", refuses=(HoldNotFound, HoldExpired, EscrowDisputed, HoldNotPending, ExpiryNotLater), own=()
)
def extend_hold(books: HoldBooks, *, hold: HoldId, expires_in: Seconds) -> None:
    """Let a hold or an escrow that ends by itself end later: `expires_in` seconds from now."""
    held = books.hold(hold, "hold", "escrow")
    books.require_acting_as(held.account, "an account's own key extends that account's holds")
    require_live(held, books)
    expires_at = books.now + timedelta(seconds=expires_in)
    if held.expires_at is None or expires_at <= held.expires_at:
        raise ExpiryNotLater(hold=ids.show("hld", hold), expires_at=_stamp(held))
    held.expires_at = expires_at
    books.show_hold(held)


@command(
    event="hold.expired",
    refuses=(HoldNotFound, EscrowDisputed, HoldNotPending, HoldNotDue, AccountFrozen, AmountOverflow),
    also_wants=lambda call: [("hold_timeout", call["hold"])],
)
def expire_hold(books: HoldBooks, *, hold: HoldId) -> None:
    """End a hold or an escrow whose time is over. The money goes back; of an escrow that is to be released on timeout
    it goes to the seller, unless the seller's account was closed meanwhile."""
    held = books.hold(hold, "hold", "escrow")
    require_pending(held)
    if not held.due(books.now):
        raise HoldNotDue(hold=ids.show("hld", hold), expires_at=_stamp(held))
    seller = _seller_on_timeout(books, held)
    if seller is not None:
        books.pay(held, held.remaining, (seller, AVAILABLE), ending="expired")
    else:
        books.give_back(held, held.remaining, ending="expired")
    books.write_entry("expiry", references=held.entry_references())
    books.show_hold(held)


def _seller_on_timeout(books: HoldBooks, held: HoldRow) -> AccountRow | None:
    if held.on_timeout != "release" or held.counterparty is None:
        return None
    seller = books.account(ids.show("acc", held.counterparty))
    return seller if seller.status != "closed" else None


def _stamp(held: HoldRow) -> str | None:
    return clock.stamp(held.expires_at) if held.expires_at else None
