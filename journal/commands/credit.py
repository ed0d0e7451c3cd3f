"""Credit lines in use: drawing on one without spending, and paying it back."""

from accounts.errors import (
    AccountClosed,
    AccountFrozen,
    AccountNotFound,
    AmountOverflow,
    CreditLimitExceeded,
    InsufficientFunds,
)
from accounts.fields import AccountRef
from journal.commands.shared import references
from journal.errors import RepaymentExceedsCredit
from journal.posting import Books
from ledger_project.kernel.fields import Amount, ExternalRef
from ledger_project.log.command import command


@command(
    event="credit.drawn",
    refuses=(AccountNotFound, AccountClosed, AccountFrozen, CreditLimitExceeded, AmountOverflow),
    own=("account",),
)
def draw_credit(books: Books, *, account: AccountRef, amount: Amount, reference: ExternalRef | None = None) -> None:
    """Turn a part of the credit line into available money. What comes into the account later repays it first."""
    books.draw(books.account(account), amount)
    books.write_entry("credit_draw", references=references(reference=reference))


@command(
    event="credit.repaid",
    refuses=(AccountNotFound, AccountClosed, AccountFrozen, RepaymentExceedsCredit, InsufficientFunds),
    own=("account",),
)
def repay_credit(books: Books, *, account: AccountRef, amount: Amount, reference: ExternalRef | None = None) -> None:
    """Pay drawn credit back from the account's available money, at most what was drawn."""
    books.repay(books.account(account), amount)
    books.write_entry("credit_repayment", references=references(reference=reference))
