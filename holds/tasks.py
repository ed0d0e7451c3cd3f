"""What runs by the clock: expiry and payouts."""

from celery import shared_task

from holds import executors, expiry, payouts


@shared_task
def expire_due() -> None:
    """End the holds and escrows whose time is over."""
    expiry.expire_due()


@shared_task
def pay_withdrawals() -> None:
    """Take pending withdrawals to the executor."""
    payouts.pay_pending(executors.configured())
