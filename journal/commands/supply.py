"""Supply: mint, burn, and opening an account with an initial balance."""

from accounts.errors import AmountOverflow, CurrencyMismatch, CurrencyNotFound, InsufficientFunds, ReservedName
from accounts.fields import AccountName, AccountRef, AccountType, CurrencyCode
from accounts.rows import SOLE_CURRENCY, AccountRow
from journal.commands.shared import AVAILABLE, ISSUANCE, MOVEMENT, issuance, references
from journal.posting import Books
from ledger_project.kernel.fields import Amount, ExternalRef, Limit, Metadata, Want
from ledger_project.log.command import Arguments, command


def _beside(call: Arguments) -> list[Want]:
    return [("beside", (call["account"], ISSUANCE))]


@command(event="credits.minted", refuses=(*MOVEMENT, AmountOverflow), also_wants=_beside, platform=True)
def mint(
    books: Books,
    *,
    account: AccountRef,
    amount: Amount,
    reference: ExternalRef | None = None,
    metadata: Metadata | None = None,
) -> None:
    """Issue new money into an account; the currency's issuance account goes as far below zero."""
    row = books.account(account)
    books.move(amount, (issuance(books, row), AVAILABLE), (row, AVAILABLE))
    books.write_entry("mint", references=references(reference=reference), metadata=metadata)


@command(event="credits.burned", refuses=(*MOVEMENT, InsufficientFunds), also_wants=_beside, own=("account",))
def burn(
    books: Books,
    *,
    account: AccountRef,
    amount: Amount,
    reference: ExternalRef | None = None,
    metadata: Metadata | None = None,
) -> None:
    """Take money out of circulation, from an account back to its currency's issuance account."""
    row = books.account(account)
    books.move(amount, (row, AVAILABLE), (issuance(books, row), AVAILABLE))
    books.write_entry("burn", references=references(reference=reference), metadata=metadata)


@command(
    event="account.ensured",
    refuses=(CurrencyNotFound, ReservedName, CurrencyMismatch, AmountOverflow),
    also_wants=lambda call: [
        ("account", call["account"]),
        ("currency", call["currency"] or SOLE_CURRENCY),
        ("account", ISSUANCE.replace("{currency}", call["currency"])) if call["currency"] else _beside(call)[0],
    ],
    platform=True,
    needs=lambda call: [mint.permission] if call["initial_balance"] else [],
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
            books.move(initial_balance, (issuance(books, row), AVAILABLE), (row, AVAILABLE))
            books.write_entry("mint")
    if currency is not None and row.facts.currency != currency:
        raise CurrencyMismatch(account=account, currency=row.facts.currency, expected=currency)
    books.show_account(row)
