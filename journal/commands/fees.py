"""Fees: collected into a pool, then handed on or taken out of circulation.

A fee pool is a bucket, so fees that were not yet handed on are not spent by mistake. Each may name the escrow or the
trial that it comes from.
"""

from accounts.errors import AmountOverflow, InsufficientFunds, SameAccount
from accounts.fields import AccountRef, WholeAccountRef
from accounts.rows import Bucket
from journal.commands.shared import AVAILABLE, FEES, ISSUANCE, MOVEMENT, issuance, references, system_account
from journal.posting import Books, require_alike, require_different
from ledger_project.kernel.fields import Amount, ExternalRef, LongText, Want
from ledger_project.log.command import Arguments, command

FEE_POOL = Bucket.FEE_POOL


def _fee_account(call: Arguments) -> list[Want]:
    return [] if call["fee_account"] else [("beside", (call["account"], FEES))]


@command(
    event="fee.charged",
    refuses=(MOVEMENT[0], SameAccount, *MOVEMENT[1:], InsufficientFunds, AmountOverflow),
    also_wants=_fee_account,
    own=("account",),
)
def charge_fee(
    books: Books,
    *,
    account: AccountRef,
    amount: Amount,
    fee_account: AccountRef | None = None,
    escrow: ExternalRef | None = None,
    trial: ExternalRef | None = None,
    reference: ExternalRef | None = None,
    description: LongText | None = None,
) -> None:
    """Charge a fee into the pool of the fee account, or of `platform:fees:{currency}`, opened on first use."""
    payer = books.account(account)
    receiver = books.account(fee_account) if fee_account else system_account(books, payer, FEES, type="revenue")
    require_different(payer, receiver)
    books.move(amount, (payer, AVAILABLE), (receiver, FEE_POOL))
    books.write_entry(
        "fee", description=description, references=references(escrow=escrow, trial=trial, reference=reference)
    )


@command(
    event="fee.transferred",
    seed_events=("fee_transfer",),
    refuses=(*MOVEMENT, InsufficientFunds, AmountOverflow),
    platform=True,
)
def fee_transfer(
    books: Books,
    *,
    from_account: WholeAccountRef,
    to_account: AccountRef,
    amount: Amount,
    escrow: ExternalRef | None = None,
    trial: ExternalRef | None = None,
    reference: ExternalRef | None = None,
    description: LongText | None = None,
) -> None:
    """Hand collected fees on, into the receiver's available money; an account may so release its own pool."""
    pool, receiver = books.stripes(from_account), books.account(to_account)
    require_alike(pool[0], receiver)
    books.gather(pool, FEE_POOL, amount)
    books.give(receiver, AVAILABLE, amount)
    books.write_entry(
        "fee_transfer", description=description, references=references(escrow=escrow, trial=trial, reference=reference)
    )


@command(
    event="fee.burned",
    seed_events=("fee_burn",),
    refuses=(*MOVEMENT, InsufficientFunds, AmountOverflow),
    also_wants=lambda call: [("beside", (call["account"], ISSUANCE))],
    platform=True,
)
def fee_burn(
    books: Books,
    *,
    account: WholeAccountRef,
    amount: Amount,
    escrow: ExternalRef | None = None,
    trial: ExternalRef | None = None,
    reference: ExternalRef | None = None,
    description: LongText | None = None,
) -> None:
    """Take collected fees out of circulation."""
    pool = books.stripes(account)
    target = issuance(books, pool[0])
    require_alike(pool[0], target)
    books.gather(pool, FEE_POOL, amount)
    books.give(target, AVAILABLE, amount)
    books.write_entry(
        "fee_burn", description=description, references=references(escrow=escrow, trial=trial, reference=reference)
    )
