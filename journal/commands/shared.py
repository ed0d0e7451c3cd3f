"""What the commands of this package share: references, refusals and the issuance account."""

from accounts.errors import AccountClosed, AccountFrozen, AccountNotFound, CurrencyMismatch, NormalBalanceMismatch
from accounts.rows import AccountRow, Bucket
from journal.posting import Books
from journal.promo import PAID, Grant

AVAILABLE = Bucket.AVAILABLE
ISSUANCE = "platform:issuance:{currency}"
FEES = "platform:fees:{currency}"
REVENUE = "platform:revenue:{currency}"
BREAKAGE = "platform:breakage:{currency}"  # what was bought and never used

MOVEMENT = (AccountNotFound, CurrencyMismatch, NormalBalanceMismatch, AccountClosed, AccountFrozen)


def system_account(books: Books, beside: AccountRow, pattern: str, *, type: str, unbounded: bool = True) -> AccountRow:
    """The platform's account of this pattern in the currency of `beside`, opened on first use.

    The command wants it with `("beside", (ref, pattern))`.
    """
    currency = beside.facts.currency
    name = pattern.replace("{currency}", currency)
    return books.ensure(name, books.currency(currency), type=type, unbounded=unbounded)


def issuance(books: Books, row: AccountRow) -> AccountRow:
    """The account that a currency is minted from and burnt to: its balance is minus what is in circulation."""
    return system_account(books, row, ISSUANCE, type="equity")


def sink(books: Books, row: AccountRow, grant: Grant) -> AccountRow:
    """Where the rest of a grant that is over goes: what was bought is breakage, all other is burnt."""
    if grant.kind == PAID and grant.voided_at is None:
        return system_account(books, row, BREAKAGE, type="revenue")
    return issuance(books, row)


def references(**given: str | None) -> dict[str, str]:
    """The references that were given."""
    return {name: value for name, value in given.items() if value is not None}
