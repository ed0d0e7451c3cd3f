"""What runs by the clock: sending, publishing, forgetting."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from celery import shared_task
from django.conf import settings
from django.core.cache import cache

from ledger_project.log.outward import outward
from ledger_project.webhooks import delivery, publisher, sender

ALONE = 60  # seconds after which a killed worker's place is free again


@shared_task
@outward
def deliver_webhooks() -> None:
    """Tell endpoints what was sealed."""
    with alone("webhooks:sender") as mine:
        if mine:
            sender.deliver()


@shared_task
@outward
def publish_events() -> None:
    """Append what was sealed to the Redis stream."""
    with alone("webhooks:publisher") as mine:
        if mine:
            publisher.publish()


@shared_task
def prune_webhooks() -> None:
    """Forget old deliveries."""
    while delivery.prune(timedelta(days=settings.WEBHOOK_KEEP_DAYS)):
        pass


@contextmanager
def alone(name: str) -> Iterator[bool]:
    """Whether nobody else is at it. Politeness, not safety: leases and ids are what holds when Redis forgets this."""
    mine = cache.add(name, "taken", timeout=ALONE)
    try:
        yield mine
    finally:
        if mine:
            cache.delete(name)
