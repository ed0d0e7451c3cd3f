"""Free-form entries and their reversal."""

from typing import Annotated

from accounts.errors import AccountClosed, AccountFrozen, AccountNotFound, AmountOverflow, InsufficientFunds
from accounts.rows import BUCKETS, AccountRow, Bucket
from journal.commands.shared import AVAILABLE
from journal.errors import (
    AlreadyRefunded,
    AlreadyReversed,
    EntryNotFound,
    NotReversible,
    TooFewPostings,
    UnbalancedEntry,
)
from journal.fields import EntryId, Postings
from journal.posting import Books
from journal.refunds import RefundTotalRow, require_not_reversed
from journal.rows import EntryRow
from ledger_project.kernel import ids
from ledger_project.kernel.fields import LongText, Metadata, Moment, References, TextField
from ledger_project.log.command import command

Kind = Annotated[str, TextField(maximum=64, pattern=r"[a-z][a-z0-9_]*")]
PROMISED = frozenset({"held", "escrowed", "bonded", "promo"})
# They count towards something else, or have a way back of their own.
FINAL = frozenset({"refund", "payment_refund", "settlement", "usage", "usage_correction", "usage_collection"})


@command(
    event="entry.posted",
    refuses=(
        TooFewPostings,
        AccountNotFound,
        AccountClosed,
        AccountFrozen,
        InsufficientFunds,
        AmountOverflow,
        UnbalancedEntry,
    ),
    also_wants=lambda call: [
        ("whole_account", leg["account"]) for leg in call["postings"] if leg["bucket"] == Bucket.FEE_POOL.label
    ],
)
def post_entry(
    books: Books,
    *,
    postings: Postings,
    kind: Kind = "entry",
    description: LongText | None = None,
    references: References | None = None,
    metadata: Metadata | None = None,
    effective_at: Moment | None = None,
) -> None:
    """Post any balanced set of postings: positive amounts are debits, and each currency sums to zero.

    Increases are posted before decreases, so that an account used on both sides is judged by the whole.
    """
    if len(postings) < 2:
        raise TooFewPostings(postings=len(postings))
    legs = [(books.account(leg["account"]), BUCKETS[leg["bucket"]], leg["amount"]) for leg in postings]
    for row, bucket, amount in legs:
        if amount * row.facts.sign > 0:
            books.give(row, bucket, abs(amount))
    for row, bucket, amount in legs:
        if amount * row.facts.sign < 0:
            _lower(books, row, bucket, abs(amount))
    books.write_entry(
        kind, description=description, references=references, metadata=metadata, effective_at=effective_at
    )


@command(
    unbudgeted="it gives back what was paid",
    event="entry.reversed",
    refuses=(
        EntryNotFound,
        AlreadyReversed,
        NotReversible,
        AlreadyRefunded,
        AccountClosed,
        AccountFrozen,
        InsufficientFunds,
    ),
    also_wants=lambda call: [("refund_total", call["entry"])],
)
def reverse_entry(books: Books, *, entry: EntryId, reason: LongText | None = None) -> None:
    """Post the opposite of an entry, whole and once; both name each other."""
    original = books.stored_entry(entry)
    given_back = require_not_reversed(books, original)
    effect = _effect(original)
    final = original.reverses is not None or original.kind in FINAL or not any(effect.values())
    if final or any(line.bucket.label in PROMISED for line in original.lines):
        raise NotReversible(entry=ids.show("ent", entry), kind=original.kind)
    if given_back is not None:
        raise AlreadyRefunded(entry=ids.show("ent", entry), refunded=str(given_back.refunded))

    for (account, bucket), value in effect.items():
        if value < 0:
            books.give(books.account(account), bucket, -value)
    for (account, bucket), value in effect.items():
        if value > 0:
            _lower(books, books.account(account), bucket, value)
    reversal = books.write_entry("reversal", description=reason, reverses=original.id)
    original.reversed_by = reversal.id
    # A refund at the same moment wants this row too, and one of the two finds it taken.
    books.add(RefundTotalRow(entry_id=original.id, amount=0, reversed=True))
    books.result["reverses"] = ids.show("ent", original.id)


def _lower(books: Books, row: AccountRow, bucket: Bucket, amount: int) -> None:
    """Take from a bucket; a fee pool, which has a floor and may be spread over stripes, from all of them."""
    if bucket is Bucket.FEE_POOL:
        books.gather(books.stripes(f"acc_{row.facts.id.hex}"), bucket, amount)
    else:
        books.take(row, bucket, amount)


def _effect(entry: EntryRow) -> dict[tuple[str, Bucket], int]:
    """What an entry did, by account and bucket.

    Drawn credit is undone as the available money it stood for: giving repays the line, taking draws it again.
    """
    effect: dict[tuple[str, Bucket], int] = {}
    for line in entry.lines:
        bucket = AVAILABLE if line.bucket is Bucket.CREDIT_USED else line.bucket
        key = (f"acc_{line.account.id.hex}", bucket)
        effect[key] = effect.get(key, 0) + line.value
    return effect
