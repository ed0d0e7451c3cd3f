"""The feed: sealed events in the order of the log, which never changes and has no gaps.

Whoever reads on from the last index that he has seen misses nothing: an event gets its index when it is sealed, after
all events that can have a lower one. Webhooks, the stream and every other outlet read here.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from ledger_project.log import documents
from ledger_project.log.documents import Document
from ledger_project.log.executor import look

START = -1  # read after this to begin with the first event
MAX_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Sealed:
    """A sealed event and its place in the log."""

    log_index: int
    event_id: UUID
    tenant: int
    document: Document
    content_hash: bytes


@dataclass(frozen=True, slots=True)
class Headline:
    """What can be said of a sealed event without reading its document."""

    log_index: int
    event_id: UUID
    type: str
    command: str


def headlines(after: int, limit: int, tenant: int) -> list[Headline]:
    """As `read`, for who only chooses events by their type."""
    if not 0 < limit <= MAX_PAGE:
        raise ValueError(f"a page has 1 to {MAX_PAGE} events")
    return [Headline(*record) for record in look(_HEADLINES, (tenant, after, limit))]


def find(events: Iterable[UUID]) -> dict[UUID, Sealed]:
    """Those of the events that are sealed, whatever their tenant."""
    places = look(_OF_EVENTS, (list(events),))
    found = documents.read([event for _, event, _ in places], look)
    return {event: Sealed(index, event, owner, *found[event]) for index, event, owner in places}


def read(after: int, limit: int, tenant: int | None = None) -> list[Sealed]:
    """At most `limit` events with an index above `after`, in order; of one tenant, if one is given."""
    if not 0 < limit <= MAX_PAGE:
        raise ValueError(f"a page has 1 to {MAX_PAGE} events")
    places = look(_ALL, (after, limit)) if tenant is None else look(_OF_TENANT, (tenant, after, limit))
    found = documents.read([event for _, event, _ in places], look)
    return [Sealed(index, event, owner, *found[event]) for index, event, owner in places]


_ALL = "SELECT log_index, event_id, tenant_id FROM log_leaf WHERE log_index > %s ORDER BY log_index LIMIT %s"
_OF_TENANT = """
SELECT log_index, event_id, tenant_id FROM log_leaf WHERE tenant_id = %s AND log_index > %s ORDER BY log_index LIMIT %s
"""

_HEADLINES = """
SELECT leaf.log_index, event.id, event.type, event.command
  FROM log_leaf AS leaf JOIN log_event AS event ON event.id = leaf.event_id
 WHERE leaf.tenant_id = %s AND leaf.log_index > %s ORDER BY leaf.log_index LIMIT %s
"""
_OF_EVENTS = "SELECT log_index, event_id, tenant_id FROM log_leaf WHERE event_id = ANY(%s::uuid[])"


def head() -> int:
    """The index of the newest sealed event, START before the first."""
    ((index,),) = look("SELECT coalesce(max(log_index), -1) FROM log_leaf", ())
    return int(index)


def indexes(events: Iterable[UUID]) -> dict[UUID, int]:
    """The log indexes of those of the events that are sealed."""
    return dict(look("SELECT event_id, log_index FROM log_leaf WHERE event_id = ANY(%s::uuid[])", (list(events),)))
