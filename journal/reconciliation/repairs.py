"""Repairing a cache: a balance row that is not what its postings say is made so, and nothing is posted."""

from typing import Any

from accounts.books import AccountBooks
from accounts.errors import AccountClosed, AccountFrozen, AccountNotFound, InsufficientFunds
from accounts.fields import WholeAccountRef
from accounts.rows import BUCKETS, AccountRow
from journal.errors import NothingToRepair, PostingsIncomplete
from journal.reconciliation.replayed import FIGURES, KIND, ReplayedRow
from ledger_project.kernel.fields import LongText
from ledger_project.log.command import command


@command(
    event="balance.repaired",
    refuses=(AccountNotFound, PostingsIncomplete, NothingToRepair, AccountClosed, AccountFrozen, InsufficientFunds),
    also_wants=lambda call: [(KIND, call["account"])],
)
def repair_balance(books: AccountBooks, *, account: WholeAccountRef, reason: LongText) -> None:
    """Make the stored balance of an account what its postings say. Nothing is posted; the event has both, and why.

    Where postings are missing or beyond the balance's version it is not known what is right, and nothing is done. What
    PostgreSQL forbids of balances it forbids here, too: a closed account stays as it is.
    """
    repaired = [_repair(books, row) for row in books.stripes(account)]
    rows = [each for each in repaired if each is not None]
    if not rows:
        raise NothingToRepair(account=books.account(account).facts.name)
    books.result["repair"] = {"account": books.account(account).facts.ref, "rows": rows}


def _repair(books: AccountBooks, row: AccountRow) -> dict[str, Any] | None:
    """What was stored and what is now, where they differ. Refuses: PostingsIncomplete."""
    told = books.find(ReplayedRow, row.key)
    if told is None:
        raise AssertionError(f"{row.facts.name} was locked and not replayed")
    if not told.version == told.newest == told.postings:
        raise PostingsIncomplete(
            account=row.facts.name,
            stripe=row.stripe,
            version=told.version,
            newest_posting=told.newest,
            postings=told.postings,
        )
    # What is off is added, not set: calls before this one in the batch have moved the row on, by postings of their own.
    off = {name: (old, new) for name, old, new in zip(FIGURES, told.stored, told.replayed, strict=True) if old != new}
    if not off:
        return None
    for name, (old, new) in off.items():
        if name in BUCKETS:
            row.numbers[BUCKETS[name]] += new - old
        else:
            setattr(row, name, getattr(row, name) + new - old)
    row.changed = True
    told.stored = told.replayed
    return {
        "stripe": row.stripe,
        "stored": {name: str(old) for name, (old, _) in off.items()},
        "replayed": {name: str(new) for name, (_, new) in off.items()},
    }
