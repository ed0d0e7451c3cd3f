"""What the sealer refuses to sign: kept in rows, so that it is an alarm until it is resolved."""

from uuid import UUID

from django.db import DEFAULT_DB_ALIAS
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from ledger_project.log.models import SealingFinding
from ledger_project.log.sealer import SEALER, look


def note(kind: str, *, event: UUID | None = None, detail: str = "") -> None:
    """Record a finding, once as long as it is open."""
    look(_NOTE, (kind, event, detail[:1000]))


_NOTE = """
INSERT INTO log_sealingfinding (kind, event_id, detail) VALUES (%s, %s, %s)
ON CONFLICT (kind, event_id) WHERE resolved_at IS NULL DO NOTHING
"""


def settle() -> None:
    """Close what a pass has shown to be over: its tree is the one that was signed, and what has a leaf was in order."""
    sealed = Q(kind="content_mismatch", event__leaf__isnull=False)
    unresolved(SEALER).filter(Q(kind__in=("log_altered", "cut_back")) | sealed).update(resolved_at=Now())


def resolve(kind: str) -> None:
    """Close the findings of a kind: what they say is no longer so."""
    unresolved(SEALER).filter(kind=kind).update(resolved_at=Now())


def unresolved(using: str = DEFAULT_DB_ALIAS) -> QuerySet[SealingFinding]:
    return SealingFinding.objects.using(using).filter(resolved_at__isnull=True)
