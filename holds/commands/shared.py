"""What the commands of this package share: the fee pool, and the refusals of a payment."""

from accounts.errors import (
    AccountClosed,
    AccountFrozen,
    AccountNotFound,
    CurrencyMismatch,
    NormalBalanceMismatch,
    ReceiverNotAllowed,
    SameAccount,
    SessionKeyExpired,
    SessionKeyNotFound,
    SessionKeyRevoked,
    SpendCapExceeded,
)
from accounts.rows import AccountRow, Bucket
from holds.books import HoldBooks
from journal.commands.shared import FEES, REVENUE, system_account

__all__ = ["AVAILABLE", "FEES", "MOVEMENT", "PAYMENT", "REVENUE", "SESSION_KEY", "fee_pool"]

AVAILABLE = Bucket.AVAILABLE

MOVEMENT = (CurrencyMismatch, NormalBalanceMismatch, AccountClosed, AccountFrozen)
SESSION_KEY = (SessionKeyNotFound, SessionKeyRevoked, SessionKeyExpired, ReceiverNotAllowed, SpendCapExceeded)
PAYMENT = (AccountNotFound, SameAccount, *MOVEMENT)


def fee_pool(books: HoldBooks, beside: AccountRow, fee_account: str | None) -> tuple[AccountRow, Bucket]:
    """The fee pool of the account given, or the platform's, which the command then wants beside the payer's.

    Refuses: AccountNotFound.
    """
    if fee_account is not None:
        return books.account(fee_account), Bucket.FEE_POOL
    return system_account(books, beside, FEES, type="revenue"), Bucket.FEE_POOL
