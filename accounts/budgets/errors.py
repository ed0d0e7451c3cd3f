"""What budgets refuse."""

from ledger_project.kernel.errors import NotFound, Refusal


class BudgetNotFound(NotFound):
    """There is no such budget, or it has ended."""


class BudgetExceeded(Refusal):
    """A budget on the way of this payment has less left; `resets_at` says when its next window begins."""

    constraint = "budget_exceeded"


class BudgetCircle(Refusal):
    """A budget would stand below itself, or more than sixteen deep."""


class BudgetAlertTold(Refusal):
    """This alert was given before, or is not due."""

    status = 409


class UnknownTimeZone(Refusal):
    """There is no time zone of this name; write one of the IANA database, such as Europe/Berlin."""
