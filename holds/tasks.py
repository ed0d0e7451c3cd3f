"""What Celery does for holds: payouts and requests for money. Expiry has a timer without a broker (settings.TIMED)."""

from celery import shared_task

from holds import executors, payouts
from holds.topups import asking
from ledger_project.log.outward import outward


@shared_task
@outward
def pay_withdrawals() -> None:
    """Take pending withdrawals to the executor."""
    payouts.pay_pending(executors.configured())


@shared_task
def request_topups() -> None:
    """Let accounts that have run low ask for money."""
    asking.ask_due()
