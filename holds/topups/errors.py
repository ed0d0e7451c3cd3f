"""What top-ups refuse."""

from ledger_project.kernel.errors import NotFound, Refusal


class TopupNotFound(NotFound):
    """The account has no top-up rule, or there is no such request of this account."""


class TopupNotDue(Refusal):
    """The account asks for no money now; `reason` says why."""


class TopupNotExpired(Refusal):
    """The request's time is not over yet."""

    status = 409


class TopupNotOpen(Refusal):
    """The request was completed, has failed, or its time is over."""

    constraint = "topup_not_open"
