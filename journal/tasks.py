"""What runs by the clock: promotional money that has had its time, and monitors."""

from celery import shared_task

from journal import promo_expiry, watching


@shared_task
def expire_promos() -> None:
    """Burn what is left of the grants whose time is over."""
    promo_expiry.expire_due()


@shared_task
def watch_balances() -> None:
    """Tell of the monitors that what was sealed since has crossed."""
    watching.watch()
