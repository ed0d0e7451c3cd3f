"""What Celery does for holds: payouts. Expiry has a timer that needs no broker (settings.TIMED)."""

from celery import shared_task

from holds import executors, payouts
from ledger_project.log.outward import outward


@shared_task
@outward
def pay_withdrawals() -> None:
    """Take pending withdrawals to the executor."""
    payouts.pay_pending(executors.configured())
