"""What the sealer refuses to sign: kept in rows, so that it is an alarm until it is resolved."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from ledger_project.log.models import SealingFinding
from ledger_project.log.sealer import SEALER, look
from ledger_project.log.tree import LogAltered

# What an anchor shows to be wrong with everything under the log's name. No pass closes it.
CONTRADICTIONS = ("cut_back", "forked")


def note(kind: str, *, event: UUID | None = None, detail: str = "") -> None:
    """Record a finding, once as long as it is open."""
    look(_NOTE, (kind, event, detail[:1000], settings.LOG_ORIGIN if kind in CONTRADICTIONS else ""))


_NOTE = """
INSERT INTO log_sealingfinding (kind, event_id, detail, origin) VALUES (%s, %s, %s, %s)
ON CONFLICT (kind, event_id, origin) WHERE resolved_at IS NULL DO NOTHING
"""


@contextmanager
def noted() -> Iterator[None]:
    """Record what stands against the log, when the transaction that met it is over. Raises it on."""
    try:
        yield
    except LogAltered as altered:
        note(altered.finding, detail=str(altered))
        raise


def settle() -> None:
    """Close what a pass has shown to be over: its tree is the one that was signed, and what has a leaf was in order."""
    sealed = Q(kind="content_mismatch", event__leaf__isnull=False)
    unresolved(SEALER).filter(Q(kind="log_altered") | sealed).update(resolved_at=Now())


def resolve(kind: str) -> None:
    """Close the findings of a kind: what they say is no longer so."""
    unresolved(SEALER).filter(kind=kind).update(resolved_at=Now())


def contradicted() -> SealingFinding | None:
    """What an anchor has shown to be wrong under the log's present name."""
    return unresolved(SEALER).filter(kind__in=CONTRADICTIONS).first()


def lift() -> None:
    """Close the fence's findings, and what was said of the log under names that it no longer has."""
    of_before = Q(kind__in=CONTRADICTIONS) & ~Q(origin=settings.LOG_ORIGIN)
    every = SealingFinding.objects.using(SEALER).filter(resolved_at__isnull=True)
    every.filter(Q(kind="fenced") | of_before).update(resolved_at=Now())


def unresolved(using: str = DEFAULT_DB_ALIAS) -> QuerySet[SealingFinding]:
    """What is open, and not about a name of before."""
    named = Q(origin__in=("", settings.LOG_ORIGIN))
    return SealingFinding.objects.using(using).filter(named, resolved_at__isnull=True)
