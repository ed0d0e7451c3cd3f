"""Supply and movement: mint, burn, transfer, free-form entries and their reversal."""

from typing import Annotated

from accounts.errors import (
    AccountClosed,
    AccountFrozen,
    AccountNotFound,
    AmountOverflow,
    CurrencyMismatch,
    CurrencyNotFound,
    InsufficientFunds,
    NormalBalanceMismatch,
    SameAccount,
)
from accounts.fields import AccountName, AccountRef, AccountType, CurrencyCode
from accounts.rows import BUCKETS, SOLE_CURRENCY, AccountRow, Bucket
from journal.errors import (
    AlreadyReversed,
    EntryNotFound,
    NotReversible,
    TooFewPostings,
    UnbalancedEntry,
)
from journal.fields import EntryId, Postings
from journal.posting import Books, require_different
from ledger_project.kernel import ids
from ledger_project.kernel.fields import Amount, Limit, LongText, Metadata, Moment, References, Text, TextField, Want
from ledger_project.log.command import Arguments, command

AVAILABLE = Bucket.AVAILABLE
ISSUANCE = "platform:issuance:{currency}"
Kind = Annotated[str, TextField(maximum=64, pattern=r"[a-z][a-z0-9_]*")]

MOVEMENT = (AccountNotFound, CurrencyMismatch, NormalBalanceMismatch, AccountClosed, AccountFrozen)


def _issuance(books: Books, row: AccountRow) -> AccountRow:
    """The account that a currency is minted from and burnt to: its balance is minus what is in circulation."""
    currency = row.facts.currency
    name = ISSUANCE.replace("{currency}", currency)
    return books.ensure(name, books.currency(currency), type="equity", unbounded=True)


def _beside(call: Arguments) -> list[Want]:
    return [("beside", (call["account"], ISSUANCE))]


def _references(**given: str | None) -> dict[str, str]:
    return {name: value for name, value in given.items() if value is not None}


@command(event="credits.minted", refuses=(*MOVEMENT, AmountOverflow), also_wants=_beside)
def mint(
    books: Books,
    *,
    account: AccountRef,
    amount: Amount,
    reference: Text | None = None,
    metadata: Metadata | None = None,
) -> None:
    """Issue new money into an account; the currency's issuance account goes as far below zero."""
    row = books.account(account)
    books.move(amount, (_issuance(books, row), AVAILABLE), (row, AVAILABLE))
    books.write_entry("mint", references=_references(reference=reference), metadata=metadata)


@command(event="credits.burned", refuses=(*MOVEMENT, InsufficientFunds), also_wants=_beside)
def burn(
    books: Books,
    *,
    account: AccountRef,
    amount: Amount,
    reference: Text | None = None,
    metadata: Metadata | None = None,
) -> None:
    """Take money out of circulation, from an account back to its currency's issuance account."""
    row = books.account(account)
    books.move(amount, (row, AVAILABLE), (_issuance(books, row), AVAILABLE))
    books.write_entry("burn", references=_references(reference=reference), metadata=metadata)


@command(
    event="account.ensured",
    refuses=(CurrencyNotFound, CurrencyMismatch, AmountOverflow),
    also_wants=lambda call: [
        ("account", call["account"]),
        ("currency", call["currency"] or SOLE_CURRENCY),
        ("account", ISSUANCE.replace("{currency}", call["currency"])) if call["currency"] else _beside(call)[0],
    ],
)
def ensure_account(
    books: Books,
    *,
    account: AccountName,
    currency: CurrencyCode | None = None,
    initial_balance: Limit = 0,
    type: AccountType = "liability",
    metadata: Metadata | None = None,
) -> None:
    """Open an account on first use and mint its initial balance; an account that exists is returned as it is."""
    row = books.find(AccountRow, account)
    if row is None:
        row = books.open(account, books.currency(currency), type=type, metadata=metadata)
        if initial_balance:
            books.move(initial_balance, (_issuance(books, row), AVAILABLE), (row, AVAILABLE))
            books.write_entry("mint")
    if currency is not None and row.facts.currency != currency:
        raise CurrencyMismatch(account=account, currency=row.facts.currency, expected=currency)
    books.result["account"] = row.facts.document()


@command(
    event="transfer.posted", refuses=(*MOVEMENT[:1], SameAccount, *MOVEMENT[1:], InsufficientFunds, AmountOverflow)
)
def transfer(
    books: Books,
    *,
    from_account: AccountRef,
    to_account: AccountRef,
    amount: Amount,
    job_id: Text | None = None,
    reference: Text | None = None,
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
        references=_references(job_id=job_id, reference=reference),
        metadata=metadata,
        effective_at=effective_at,
    )


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
            books.take(row, bucket, abs(amount))
    books.write_entry(
        kind, description=description, references=references, metadata=metadata, effective_at=effective_at
    )


@command(
    event="entry.reversed",
    refuses=(EntryNotFound, AlreadyReversed, NotReversible, AccountClosed, AccountFrozen, InsufficientFunds),
)
def reverse_entry(books: Books, *, entry: EntryId, reason: LongText | None = None) -> None:
    """Post the opposite of an entry, whole and once; both name each other."""
    original = books.stored_entry(entry)
    if original.reversed_by is not None:
        raise AlreadyReversed(entry=ids.show("ent", entry), reversed_by=ids.show("ent", original.reversed_by))
    if original.reverses is not None or any(line.bucket.label in PROMISED for line in original.lines):
        raise NotReversible(entry=ids.show("ent", entry), kind=original.kind)

    # Drawn credit is undone as the available money it stood for: giving repays the line, taking draws it again.
    effect: dict[tuple[str, Bucket], int] = {}
    for line in original.lines:
        bucket = AVAILABLE if line.bucket is Bucket.CREDIT_USED else line.bucket
        key = (f"acc_{line.account.id.hex}", bucket)
        effect[key] = effect.get(key, 0) + line.value
    for (account, bucket), value in effect.items():
        if value < 0:
            books.give(books.account(account), bucket, -value)
    for (account, bucket), value in effect.items():
        if value > 0:
            books.take(books.account(account), bucket, value)
    reversal = books.write_entry("reversal", description=reason, reverses=original.id)
    original.reversed_by = reversal.id
    books.result["reverses"] = ids.show("ent", original.id)


PROMISED = frozenset({"held", "escrowed", "bonded"})
