"""Refusals about holds, escrows, stakes, deposits and withdrawals."""

from ledger_project.kernel.errors import NotFound, Refusal


class HoldNotFound(NotFound):
    """There is no hold of this kind with this id; holds, escrows, stakes and withdrawals have ids of one form."""


class HoldNotPending(Refusal):
    """The hold was resolved before, and a resolved hold never changes again."""

    status = 409
    constraint = "hold_not_pending"


class HoldExpired(Refusal):
    """The hold's time is over: its money goes back, whether or not the sweeper has been there yet."""

    status = 409


class HoldNotDue(Refusal):
    """The hold's time is not over yet, or it has none."""

    status = 409


class ExpiryNotLater(Refusal):
    """A hold is extended to a later time than it has now, never to an earlier one."""


class CaptureExceedsHold(Refusal):
    """This asks for more than the hold has left."""

    constraint = "capture_exceeds_hold"


class EscrowDisputed(Refusal):
    """The escrow is in dispute: until it is resolved, nothing is released, refunded or timed out."""

    status = 409


class EscrowNotDisputed(Refusal):
    """Only an escrow in dispute is resolved by a decision; release or refund this one."""

    status = 409


class SplitDiffersFromEscrow(Refusal):
    """A decision gives all that the escrow has left: to the seller, to the buyer, or to both in parts."""


class FeeExceedsRelease(Refusal):
    """The fee is taken from what is released, so it cannot be more."""


class PaymentIdentifierReused(Refusal):
    """This payment identifier belongs to an earlier payment of this payer with other content."""

    status = 409
    constraint = "payment_identifier_reused"


class PaymentRequired(Refusal):
    """The service is paid for; PAYMENT-REQUIRED says with what. Services answer so, the ledger itself does not."""

    status = 402


class AuthorizationNotFound(NotFound):
    """There is no such authorization of a payment."""


class AuthorizationExpired(Refusal):
    """The time in which the payment could be claimed and settled is over."""

    status = 409


class PaymentNotOpen(Refusal):
    """The payment was settled or cancelled before."""

    status = 409
    constraint = "payment_not_open"


class PaymentClaimed(Refusal):
    """A server works for this payment: until it settles it, or the authorization ends, it is for nobody else to end."""

    status = 409
    constraint = "payment_claimed"


class PaymentKeyRevoked(Refusal):
    """The API key that authorised the payment, or one above it, was revoked."""

    status = 409
    constraint = "payment_key_revoked"


class DepositNotFound(NotFound):
    """There is no such deposit."""


class AgentCurrencyNotSet(Refusal):
    """The tenant has several currencies: name one, or say with `set_agent_currency` which one agents have."""


class DuplicateDeposit(Refusal):
    """This external reference was recorded as a deposit from this source before."""

    status = 409
    constraint = "duplicate_deposit"


class DepositNotPending(Refusal):
    """The deposit was confirmed before."""

    status = 409
    constraint = "deposit_not_pending"


class DuplicateWithdrawal(Refusal):
    """This external reference belongs to a withdrawal that was confirmed before."""

    status = 409
    constraint = "duplicate_withdrawal"


class WithdrawalUnderWay(Refusal):
    """The withdrawal was sent for payment and may have been paid: it fails once the payer says so, or once you
    state with `not_paid` that it was not and will not be paid."""

    status = 409
