"""What the sealer refuses to sign: kept in rows, so that it is an alarm until it is resolved."""

from collections.abc import Sequence
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet
from django.db.models.functions import Now

from ledger_project.log.models import SealingFinding


def note(kind: str, *, event: UUID | None = None, detail: str = "") -> None:
    """Record a finding, once as long as it is open."""
    with connection.cursor() as cursor:
        cursor.execute(_NOTE, (kind, event, detail[:1000]))


_NOTE = """
INSERT INTO log_sealingfinding (kind, event_id, detail) VALUES (%s, %s, %s)
ON CONFLICT (kind, event_id) WHERE resolved_at IS NULL DO NOTHING
"""


def resolve(kind: str, events: Sequence[UUID] | None = None) -> None:
    """Close the findings of a kind, of some events if these are given: what they say is no longer so."""
    found = unresolved().filter(kind=kind)
    (found if events is None else found.filter(event__in=events)).update(resolved_at=Now())


def unresolved() -> QuerySet[SealingFinding]:
    return SealingFinding.objects.filter(resolved_at__isnull=True)
