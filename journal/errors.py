"""Refusals about entries and postings."""

from ledger_project.kernel.errors import NotFound, Refusal


class EntryNotFound(NotFound):
    """There is no such entry."""


class UnbalancedEntry(Refusal):
    """The postings of an entry sum to zero in every currency; positive is debit, negative is credit."""

    constraint = "unbalanced_entry"


class TooFewPostings(Refusal):
    """An entry has at least two postings."""

    constraint = "too_few_postings"


class AlreadyReversed(Refusal):
    """This entry was reversed before."""

    status = 409
    constraint = "already_reversed"


class NotReversible(Refusal):
    """This entry moved money that a hold, an escrow, a stake or a credit line accounts for; undo it by its own verb."""

    status = 409


class RepaymentExceedsCredit(Refusal):
    """No more is repaid than was drawn."""

    constraint = "credit_not_negative"


class NotRefundable(Refusal):
    """A refund undoes what one payer paid to one receiver; this entry is something else, with a verb of its own."""

    status = 409


class RefundExceedsOriginal(Refusal):
    """The refunds of an entry are never more than what it paid."""

    constraint = "refund_exceeds_original"


class AlreadyRefunded(Refusal):
    """This entry was refunded, in whole or in part, so it is not reversed."""

    status = 409
    constraint = "already_refunded"


class PromoGrantNotFound(NotFound):
    """There is no such grant of promotional money."""


class GrantOver(Refusal):
    """The grant has expired, was voided, or has nothing left that is free."""


class PromoNotExpired(Refusal):
    """Nothing of this grant is due to expire."""

    status = 409


class DuplicateRecord(Refusal):
    """This payment, refund, payout or dispute was recorded before; `entry` is the original."""

    status = 409
    constraint = "duplicate_record"


class PaymentNotFound(NotFound):
    """There is no such payment of this customer in this currency."""


class FeesExceedPayment(Refusal):
    """The fees of a payment are at most the payment."""


class ClearingAccountExists(Refusal):
    """This domain has a clearing account in this currency already."""

    status = 409
    constraint = "clearing_account_exists"


class ClearingAccountNotFound(NotFound):
    """This domain has no clearing account."""


class SettlementExists(Refusal):
    """A batch with this netting batch id was settled before."""

    status = 409
    constraint = "settlement_exists"


class NothingToSettle(Refusal):
    """There is no entry that is not settled yet."""

    status = 409


class UnsettledBefore(Refusal):
    """There are entries before this window that are not settled; settle them first, nothing is stepped over."""

    status = 409


class SettledTwice(Refusal):
    """These entries were settled by another batch."""

    status = 409
    constraint = "settled_twice"


class SettlementNotFound(NotFound):
    """There is no such settlement."""


class MonitorNotFound(NotFound):
    """There is no such monitor."""


class TooManyMonitors(Refusal):
    """An account has a limited number of monitors; delete one first."""

    status = 409
    constraint = "too_many_monitors"


class MonitorNotCrossed(Refusal):
    """This entry did not take the balance over the monitor's line."""

    status = 409


class AlreadyTriggered(Refusal):
    """This monitor was triggered by this entry before."""

    status = 409
    constraint = "already_triggered"


class ReconciliationNotFound(NotFound):
    """There is no such reconciliation."""


class ReconciliationUnderWay(Refusal):
    """A reconciliation of these books is waiting or at work; it will say all that another one would."""

    status = 409
    constraint = "reconciliation_under_way"


class ReconciliationMatched(Refusal):
    """This reconciliation is not finished, or found no difference: there is nothing to tell of."""

    status = 409
    constraint = "reconciliation_matched"


class AlreadyReported(Refusal):
    """What this reconciliation found was told of before."""

    status = 409


class TrialBalanceTooLong(Refusal):
    """The tree has too many rows: ask for a prefix, a currency or a lesser depth."""

    status = 422


class StatementTooLong(Refusal):
    """The statement has more lines than are printed: ask for a shorter period, or for CSV."""

    status = 422


class PostingsIncomplete(Refusal):
    """The postings of this balance are not numbered up to its version, so it is not known what it should be."""

    status = 409


class NothingToRepair(Refusal):
    """The balance is what its postings say."""

    status = 409


class PeriodNotOver(Refusal):
    """A statement is issued when its period has been over for ten minutes."""

    status = 409
    constraint = "period_not_over"


class StatementExists(Refusal):
    """A statement of this account was issued that covers this time."""

    status = 409
    constraint = "statement_exists"


class StatementOutOfChain(Refusal):
    """A statement goes on where the account's last one ended."""

    status = 422
    constraint = "statement_out_of_chain"


class StatementNotSealed(Refusal):
    """A line of the period waits for the sealer; ask again in a moment."""

    status = 409


class StatementMismatch(Refusal):
    """What went in and out is not what lies between the account's balances."""

    status = 422
    constraint = "statement_mismatch"


class CannotSignArchive(Refusal):
    """No audit archive is made now, because its manifest cannot be signed; `reason` says why."""

    status = 409
