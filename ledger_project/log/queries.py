"""Reading the log."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import F, OuterRef, QuerySet, Subquery

from ledger_project.kernel import ids
from ledger_project.log.command import COMMANDS
from ledger_project.log.errors import EventNotFound
from ledger_project.log.models import TRANSFER, Event, Leaf

SHOWN = ("id", "type", "command", "idempotency_key", "actor", "recorded_at", "content_hash")


def read(sql: str, parameters: Sequence[Any] | Mapping[str, Any]) -> list[Any]:
    """Read rows with a plan made for these values: which index serves a list depends on what is asked.

    `executor.look` is its sister for the hot path, whose statements are planned once.
    """
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall()


def events(tenant: int) -> QuerySet[Event]:
    """A tenant's events without what they carry; `log_index` is their place in the sealed log, if they have it yet."""
    place = Leaf.objects.filter(event=OuterRef("pk")).values("log_index")
    return Event.objects.filter(tenant=tenant).only(*SHOWN).annotate(log_index=Subquery(place))


def sealed_after(queryset: QuerySet[Event], tenant: int, index: int) -> QuerySet[Event]:
    """Those of a tenant's events that are sealed and come after a place in the log."""
    # By the leaf and its own tenant: the index that serves this has both, and the order.
    sealed = queryset.filter(leaf__tenant=tenant, leaf__log_index__gt=index)
    return sealed.annotate(log_index=F("leaf__log_index"))


def of_command(queryset: QuerySet[Event], name: str) -> QuerySet[Event]:
    """The events of one command, found by their type, which has an index."""
    if name not in COMMANDS:
        return queryset.none()
    return queryset.filter(type=COMMANDS[name].event, command=name)


def of_key(queryset: QuerySet[Event], tenant: int, key: str) -> QuerySet[Event]:
    """The event of an idempotency key, if there is one. Its id is found first, by the key alone: asked for the newest
    event of a tenant with a key, PostgreSQL may read the tenant's events until it meets it."""
    found = read("SELECT id FROM log_event WHERE tenant_id = %s AND idempotency_key = %s", (tenant, key))
    return queryset.filter(pk=found[0][0]) if found else queryset.none()


@dataclass(frozen=True)
class Newest:
    """A tenant's events in pages, newest first: all of them or the transfers alone.

    No index has every event of a tenant in order. Those that moved money have an entry of the same id, and entries have
    one. `queryset` says what is read of each event.
    """

    tenant: int
    queryset: QuerySet[Event]
    transfers_only: bool
    since: datetime | None
    until: datetime | None

    def page(self, after: list[Any] | None, limit: int) -> tuple[list[Event], list[Any] | None]:
        """At most `limit` events, and the position of the last one where more follow."""
        low = ids.first(self.since) if self.since else ids.FIRST
        high = min(ids.first(self.until) if self.until else ids.LAST, UUID(after[0]) if after else ids.LAST)
        between = [self.tenant, low, self.tenant, high]
        if self.transfers_only:
            found = read(_TRANSFERS, [*between, limit + 1])
        else:
            found = read(_EVENTS, [*between, limit + 1, *between, limit + 1, limit + 1])
        rows = list(self.queryset.filter(pk__in=[pk for (pk,) in found[:limit]]).order_by("-pk"))
        return rows, [str(rows[-1].pk)] if len(found) > limit else None


# Tenant and id are compared as rows: they have one order and one index to walk then.
_ENTRIES = """
SELECT entry.id FROM journal_entry AS entry
 WHERE (entry.tenant_id, entry.id) >= (%s, %s) AND (entry.tenant_id, entry.id) < (%s, %s)
"""
_NEWEST = "ORDER BY entry.tenant_id DESC, entry.id DESC LIMIT %s"
_TRANSFERS = f"{_ENTRIES} AND entry.kind = 'transfer' {_NEWEST}"
_EVENTS = f"""
SELECT id
  FROM ((SELECT event.id FROM log_event AS event
          WHERE (event.tenant_id, event.id) >= (%s, %s) AND (event.tenant_id, event.id) < (%s, %s)
            AND NOT event.type = '{TRANSFER}'
          ORDER BY event.tenant_id DESC, event.id DESC LIMIT %s)
        UNION ({_ENTRIES} {_NEWEST})) AS found
 ORDER BY id DESC LIMIT %s
"""


def event(tenant: int, ref: str) -> Event:
    """One event by its public id. Refuses: EventNotFound."""
    key = ids.read("evt", ref)
    found = events(tenant).filter(pk=key).first() if key else None
    if found is None:
        raise EventNotFound(event=ref[:300])
    return found
