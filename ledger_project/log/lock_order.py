"""The order in which a batch locks its rows, whatever app they are of. It is the same for all: none waits in a circle.

A new kind of row gets a member where it belongs: before what is looked at because of it, and before the balances, which
come last because everybody wants them. Rows are written in the same order.
"""

from enum import IntEnum, auto


class LockOrder(IntEnum):
    """One member for each store, first to last."""

    REVISION = auto()  # by what changes rules, and by nothing else
    # Who may do what, and who is told; they hold no money.
    API_KEY = auto()
    WEBHOOK = auto()
    WEBHOOK_DELIVERY = auto()
    MONITOR = auto()
    RECONCILIATION = auto()
    # What never changes, or hardly.
    CURRENCY = auto()
    AGENT_CURRENCY = auto()
    # What money stands on: an authorised payment before the hold that it has.
    PAYMENT_AUTHORIZATION = auto()
    SESSION_KEY = auto()
    HOLD = auto()
    PAYOUT = auto()
    DEPOSIT = auto()
    TOPUP = auto()
    TOPUP_REQUEST = auto()
    BILLING_RECORD = auto()
    RESERVE_ASSET = auto()
    ENTRY = auto()
    RESERVE_SNAPSHOT = auto()
    ATTESTATION = auto()
    REFUND_TOTAL = auto()
    # What others say of our books: a decision before the lines that it is about.
    EXTERNAL_MATCH = auto()
    ADJUSTMENT = auto()
    RECONCILED_ACCOUNT = auto()
    EXTERNAL_STATEMENT = auto()
    EXTERNAL_WINDOW = auto()
    EXTERNAL_ITEM = auto()
    # Prices never change; a meter before what it charges.
    PRICE_VERSION = auto()
    METER = auto()
    USAGE = auto()
    # Budgets on the way of a payment, before the balances that it moves.
    BUDGET = auto()
    BUDGET_WINDOW = auto()
    # Accounts: those that are only named, what leads to others, and then the balances.
    PARTY = auto()
    PROMO_GRANT = auto()
    CLEARING_ACCOUNT = auto()
    CLEARING_POSITION = auto()
    NETTING_BATCH = auto()
    BALANCE = auto()
    # What is read or written under the lock of a balance.
    REPLAYED_BALANCE = auto()
    STATEMENT_CHAIN = auto()
    PROMO_PURSE = auto()
