"""What runs by the clock: promotional money that has had its time."""

from celery import shared_task

from journal import promo_expiry


@shared_task
def expire_promos() -> None:
    """Burn what is left of the grants whose time is over."""
    promo_expiry.expire_due()
