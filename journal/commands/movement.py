"""Movement between accounts: the transfer."""

from accounts.errors import AccountNotFound, AmountOverflow, InsufficientFunds, SameAccount
from accounts.fields import AccountRef
from journal.commands.shared import AVAILABLE, MOVEMENT, references
from journal.posting import Books, require_different
from ledger_project.kernel.fields import Amount, ExternalRef, LongText, Metadata, Moment
from ledger_project.log.command import command


@command(
    event="transfer.posted",
    refuses=(AccountNotFound, SameAccount, *MOVEMENT[1:], InsufficientFunds, AmountOverflow),
    own=("from_account",),
)
def transfer(
    books: Books,
    *,
    from_account: AccountRef,
    to_account: AccountRef,
    amount: Amount,
    job_id: ExternalRef | None = None,
    reference: ExternalRef | None = None,
    description: LongText | None = None,
    metadata: Metadata | None = None,
    effective_at: Moment | None = None,
) -> None:
    """Move money from one account to another of its currency."""
    payer, receiver = books.account(from_account), books.account(to_account)
    require_different(payer, receiver)
    books.move(amount, (payer, AVAILABLE), (receiver, AVAILABLE))
    books.write_entry(
        "transfer",
        description=description,
        references=references(job_id=job_id, reference=reference),
        metadata=metadata,
        effective_at=effective_at,
    )
