"""Opening, freezing and closing accounts."""

from accounts.books import AccountBooks
from accounts.errors import (
    AccountClosed,
    AccountExists,
    AccountNotEmpty,
    AccountNotFound,
    CurrencyNotFound,
    ReservedName,
)
from accounts.fields import AccountName, AccountType, CurrencyCode, WholeAccountRef
from accounts.rows import SOLE_CURRENCY, Bucket
from ledger_project.kernel.fields import Flag, LongText, Metadata
from ledger_project.log.caller import OPEN_UNBOUNDED
from ledger_project.log.command import command


@command(
    event="account.opened",
    refuses=(CurrencyNotFound, AccountExists, ReservedName),
    also_wants=lambda call: [("account", call["name"])] + [("currency", SOLE_CURRENCY)] * (call["currency"] is None),
    needs=lambda call: [OPEN_UNBOUNDED] if call["unbounded"] else [],
)
def open_account(
    books: AccountBooks,
    *,
    name: AccountName,
    currency: CurrencyCode | None = None,
    type: AccountType = "liability",
    unbounded: Flag = False,
    metadata: Metadata | None = None,
) -> None:
    """Open an account. An unbounded one may go below zero and is striped, for issuance, cash and fees."""
    row = books.open(name, books.currency(currency), type=type, unbounded=unbounded, metadata=metadata)
    books.show_account(row)


@command(event="account.frozen", refuses=(AccountNotFound, AccountClosed))
def freeze_account(books: AccountBooks, *, account: WholeAccountRef, reason: LongText | None = None) -> None:
    """Let no money leave the account until it is unfrozen; money may still come in."""
    _set_status(books, account, "frozen")


@command(event="account.unfrozen", refuses=(AccountNotFound, AccountClosed))
def unfreeze_account(books: AccountBooks, *, account: WholeAccountRef, reason: LongText | None = None) -> None:
    """Let money leave the account again."""
    _set_status(books, account, "open")


@command(event="account.closed", refuses=(AccountNotFound, AccountClosed, AccountNotEmpty))
def close_account(books: AccountBooks, *, account: WholeAccountRef, reason: LongText | None = None) -> None:
    """Close an empty account for good; its history stays."""
    rows = books.stripes(account)
    totals = {bucket: sum(row.numbers[bucket] for row in rows) for bucket in Bucket}
    left = {bucket.label: str(total) for bucket, total in totals.items() if total}
    if left and rows[0].status != "closed":
        raise AccountNotEmpty(account=account, **left)
    _set_status(books, account, "closed")


def _set_status(books: AccountBooks, account: str, status: str) -> None:
    rows = books.stripes(account)
    if rows[0].status == "closed":
        raise AccountClosed(account=account)
    for row in rows:
        row.status = status
        row.changed = True
    books.show_account(rows[0])
