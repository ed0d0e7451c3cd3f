"""Stakes: money that an account bonds for its behaviour, and loses in parts or whole when it is slashed."""

from accounts.errors import (
    AccountClosed,
    AccountFrozen,
    AccountNotFound,
    AmountOverflow,
    InsufficientFunds,
)
from accounts.fields import AccountRef, WholeAccountRef
from accounts.rows import AccountRow, Bucket
from holds.books import HoldBooks, part, require_pending
from holds.commands.shared import AVAILABLE, FEES, PAYMENT, fee_pool
from holds.errors import CaptureExceedsHold, HoldNotFound, HoldNotPending
from holds.fields import HoldId
from holds.rows import HoldRow
from journal.commands.shared import ISSUANCE, issuance, references
from ledger_project.kernel.errors import InvalidRequest
from ledger_project.kernel.fields import Amount, ExternalRef, Flag, LongText, Want
from ledger_project.log.command import Arguments, command

PENDING = (HoldNotFound, HoldNotPending)


@command(
    event="stake.locked",
    refuses=(AccountNotFound, InsufficientFunds, AccountClosed, AccountFrozen, AmountOverflow),
    seed_events=("stake_lock",),
    own=("account",),
)
def lock_stake(
    books: HoldBooks,
    *,
    account: WholeAccountRef,
    amount: Amount,
    escrow: ExternalRef | None = None,
    trial: ExternalRef | None = None,
) -> None:
    """Bond money of an account, for an escrow or a trial. Collateral is one's own: the credit line is not drawn."""
    rows = books.stripes(account)
    books.require_own(rows, amount)
    stake = books.place("stake", books.account(account), amount, references=references(escrow=escrow, trial=trial))
    books.write_entry("stake_lock", references=stake.entry_references())
    books.show_hold(stake)


@command(event="stake.released", refuses=(*PENDING, CaptureExceedsHold, AmountOverflow), seed_events=("stake_release",))
def release_stake(
    books: HoldBooks, *, stake: HoldId, amount: Amount | None = None, reason: LongText | None = None
) -> None:
    """Give bonded money back: all that is left, or `amount` of it."""
    held = books.hold(stake, "stake")
    require_pending(held)
    books.give_back(held, part(held, amount))
    books.write_entry("stake_release", description=reason, references=held.entry_references())
    books.show_hold(held)


def _slash_wants(call: Arguments) -> list[Want]:
    if call["burn"]:
        return [("hold_beside", (call["stake"], ISSUANCE))]
    if call["to_account"] is None and call["fee_account"] is None:
        return [("hold_beside", (call["stake"], FEES))]
    return []


@command(
    event="stake.slashed",
    refuses=(InvalidRequest, *PENDING, CaptureExceedsHold, *PAYMENT, AmountOverflow),
    also_wants=_slash_wants,
    seed_events=("stake_slash",),
)
def slash_stake(
    books: HoldBooks,
    *,
    stake: HoldId,
    amount: Amount,
    to_account: AccountRef | None = None,
    fee_account: AccountRef | None = None,
    burn: Flag = False,
    trial: ExternalRef | None = None,
    reason: LongText | None = None,
) -> None:
    """Take bonded money away: to an account, out of circulation, or else to a fee pool."""
    if (to_account is not None) + (fee_account is not None) + burn > 1:
        raise InvalidRequest(field="to_account", reason="give one of to_account, fee_account and burn")
    held = books.hold(stake, "stake")
    require_pending(held)
    slashed = part(held, amount)
    books.pay(held, slashed, _target(books, held, to_account, fee_account, burn))
    books.write_entry("stake_slash", description=reason, references=held.entry_references(trial=trial))
    books.show_hold(held)


def _target(
    books: HoldBooks, held: HoldRow, to_account: str | None, fee_account: str | None, burn: bool
) -> tuple[AccountRow, Bucket]:
    """Refuses: AccountNotFound, SameAccount."""
    holder = books.holder(held)
    if burn:
        return issuance(books, holder), AVAILABLE
    if to_account is not None:
        return books.payee(held, to_account), AVAILABLE
    return fee_pool(books, holder, fee_account)
