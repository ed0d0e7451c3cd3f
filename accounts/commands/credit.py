"""Credit lines: how far an account may draw beyond what it has."""

from accounts.books import AccountBooks
from accounts.errors import AccountClosed, AccountNotFound, AccountUnbounded
from accounts.fields import AccountRef
from ledger_project.kernel.fields import Limit
from ledger_project.log.command import command


@command(event="credit_limit.set", refuses=(AccountNotFound, AccountUnbounded, AccountClosed))
def set_credit_limit(books: AccountBooks, *, account: AccountRef, credit_limit: Limit) -> None:
    """Set how much the account may draw in all. A limit below what is drawn takes nothing back; it stops new draws."""
    row = books.account(account)
    if row.facts.unbounded:
        raise AccountUnbounded(account=row.facts.name)
    if row.status == "closed":
        raise AccountClosed(account=row.facts.name)
    row.credit_limit = credit_limit
    row.changed = True
    books.show_account(row)
