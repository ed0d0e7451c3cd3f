"""Reading webhooks and what became of their deliveries."""

from typing import Any

from django.db.models import Prefetch, QuerySet

from ledger_project.kernel import clock, ids
from ledger_project.log import signing as log_signing
from ledger_project.log.executor import look
from ledger_project.webhooks import signing
from ledger_project.webhooks.errors import WebhookNotFound
from ledger_project.webhooks.models import Attempt, Delivery, Endpoint
from ledger_project.webhooks.rows import EndpointStore

ATTEMPTS_SHOWN = 20  # of a delivery, the newest


def webhooks(tenant: int) -> QuerySet[Endpoint]:
    """A tenant's webhooks, with their cursors."""
    return Endpoint.objects.filter(tenant=tenant, deleted_at__isnull=True).select_related("cursor")


def webhook(tenant: int, ref: str) -> Endpoint:
    """One webhook by its public id. Refuses: WebhookNotFound."""
    key = ids.read("wbh", ref)
    found = webhooks(tenant).filter(pk=key).first() if key else None
    if found is None:
        raise WebhookNotFound(webhook=ref[:300])
    return found


def deliveries(endpoint: Endpoint) -> QuerySet[Delivery]:
    """The deliveries of a webhook, with their newest attempts."""
    newest = Attempt.objects.order_by("-started_at")[:ATTEMPTS_SHOWN]
    return Delivery.objects.filter(endpoint=endpoint).prefetch_related(Prefetch("tries", newest, to_attr="newest"))


def show_webhook(row: Endpoint) -> dict[str, Any]:
    """A webhook as commands answer with it, and how it fares."""
    known = EndpointStore.columns.of(row)
    cursor = row.cursor
    return {
        **known.document(),
        "next_log_index": cursor.next_index,
        "failing_since": cursor.failing_since and clock.stamp(cursor.failing_since),
        "last_success_at": cursor.last_success_at and clock.stamp(cursor.last_success_at),
        "public_key": public_key(),
    }


def show_delivery(row: Delivery) -> dict[str, Any]:
    """A delivery with its attempts, newest first."""
    return {
        "id": ids.show("dlv", row.id),
        "webhook": ids.show("wbh", row.endpoint_id),
        "event": ids.show("evt", row.event),
        "log_index": row.log_index,
        "type": row.type,
        "state": row.state,
        "next_attempt_at": row.due_at and clock.stamp(row.due_at),
        "created_at": clock.stamp(row.created_at),
        "settled_at": row.settled_at and clock.stamp(row.settled_at),
        "attempts": [show_attempt(each) for each in row.newest],  # type: ignore[attr-defined]
    }


def show_attempt(row: Attempt) -> dict[str, Any]:
    return {
        "request_id": row.id.hex,
        "url": row.url,
        "started_at": clock.stamp(row.started_at),
        "ended_at": row.ended_at and clock.stamp(row.ended_at),
        "status": row.status,
        "error": row.error or None,
        "detail": row.detail,
        "milliseconds": row.milliseconds,
    }


def public_key() -> str | None:
    """The key of every `v1a` signature; None where the deployment has no signing key."""
    try:
        return signing.show_public_key(log_signing.signer().verifier.public_key)
    except log_signing.NoSigningKey:
        return None


def secret(webhook: str, generation: int) -> str:
    """The signing secret of one generation, to be shown once."""
    sealed = look(
        "SELECT sealed FROM webhooks_secret WHERE endpoint_id = %s AND generation = %s",
        (ids.read("wbh", webhook), generation),
    )
    return signing.show_secret(signing.unseal(sealed[0][0]))
