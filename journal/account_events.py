"""The events of one account, for its own keys: a tenant's events have no index by account, and transfers pay for none.

What moved the account is found by its postings. The rest is looked for among the tenant's newest other events, so many
of them for each page; where that is not all of them, a page has fewer results than it could, and the next goes on.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from accounts.rows import look_up
from journal import history
from ledger_project.kernel import ids
from ledger_project.log import documents
from ledger_project.log.command import COMMANDS
from ledger_project.log.models import TRANSFER, Event
from ledger_project.log.queries import read
from ledger_project.web.api.pagination import Keyset, Position

LOOKED_AT = 1000  # events of others for one page
# Events of these types concern nobody but whom their entry moved, so they are found by its postings alone.
MOVES = frozenset(
    {
        TRANSFER,
        "credit.drawn",
        "credit.repaid",
        "credits.burned",
        "credits.minted",
        "entry.posted",
        "fee.charged",
        "refund.posted",
        "spend.posted",
    }
)
_MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True)
class AccountEvents:
    """Newest first. `queryset` says what is read of each, and filters."""

    tenant: int
    account: UUID
    queryset: QuerySet[Event]
    since: datetime | None = None
    until: datetime | None = None
    type: str | None = None
    command: str | None = None

    def of_account(self, account: UUID) -> Keyset:
        return _same(self, account)

    def page(self, after: Position | None, limit: int) -> tuple[list[Event], Position | None]:
        low = ids.first(self.since) if self.since else ids.FIRST
        high = min(ids.first(self.until) if self.until else ids.LAST, UUID(after[0]) if after else ids.LAST)
        quiet, reached = self._looked_for(low, high)
        found = sorted({*quiet, *self._moved(reached, high, limit + 1)}, reverse=True)
        rows = list(self.queryset.filter(pk__in=found).order_by("-pk")[: limit + 1])
        if len(rows) > limit:
            return rows[:limit], [str(rows[limit - 1].pk)]
        return rows, [str(reached)] if reached != low else None

    def _looked_for(self, low: UUID, high: UUID) -> tuple[list[UUID], UUID]:
        """Events that concern the account otherwise than by moving it, and down to which id they were looked for."""
        known = {each.event for each in COMMANDS.values() if self.command in (None, each.name)} - MOVES
        types = sorted(known if self.type is None else known & {self.type})
        ref = ids.show("acc", self.account)
        rows = read(_NEWEST, [types, self.tenant, low, high, LOOKED_AT, LOOKED_AT, ref]) if types else []
        reached = rows[-1][0] if len(rows) == LOOKED_AT else low
        return _concerning(ref, [event for event, near in rows if near]), reached

    def _moved(self, low: UUID, high: UUID, limit: int) -> list[UUID]:
        """Events whose entries moved the account, the newest of them."""
        where = "entry.id >= %s AND entry.id < %s"
        parameters: list[UUID | str] = [low, high]
        for column, value in (("type", self.type), ("command", self.command)):
            if value is not None:
                where += f" AND (SELECT event.{column} FROM log_event AS event WHERE event.id = entry.id) = %s"
                parameters.append(value)
        facts = look_up(self.tenant, [self.account], read)[self.account]
        times = {
            "since": _moment(low) if low != ids.FIRST else None,
            "until": _moment(high) + _MILLISECOND if high != ids.LAST else None,
        }
        found, _ = history.page(facts, where, parameters, **times, after=None, limit=limit)
        return found


@dataclass(frozen=True)
class AccountFeed:
    """The sealed ones in the order of the log, after a place in it."""

    account: UUID
    tenant: int
    queryset: QuerySet[Event]
    start: int

    def of_account(self, account: UUID) -> Keyset:
        return _same(self, account)

    def page(self, after: Position | None, limit: int) -> tuple[list[Event], Position | None]:
        start = int(after[0]) if after else self.start
        ref = ids.show("acc", self.account)
        places = read(_SEALED, [self.account, ref, self.tenant, start, LOOKED_AT])
        concerning = _concerning(ref, [event for _, event, near in places if near])
        rows = list(self.queryset.filter(pk__in=concerning).order_by("leaf__log_index")[: limit + 1])
        if len(rows) > limit:
            return rows[:limit], [str(rows[limit - 1].log_index)]  # type: ignore[attr-defined]
        return rows, [str(places[-1][0])] if len(places) == LOOKED_AT else None


@dataclass(frozen=True)
class Few:
    """Those of a few events that concern the account, on one page."""

    account: UUID
    queryset: QuerySet[Event]

    def of_account(self, account: UUID) -> Keyset:
        return _same(self, account)

    def page(self, after: Position | None, limit: int) -> tuple[list[Event], Position | None]:
        rows = list(self.queryset)
        concerning = _concerning(ids.show("acc", self.account), [row.pk for row in rows])
        return [row for row in rows if row.pk in concerning], None


def of_account(tenant: int, account: UUID, found: QuerySet[Event], **given: Any) -> Keyset:
    """The events of an account that meet the filters of a list."""
    if "after" in given:
        return AccountFeed(account, tenant, found, given["after"])
    if "idempotency_key" in given:
        return Few(account, found)
    times = {"since": given.get("from"), "until": given.get("to")}
    return AccountEvents(tenant, account, found, **times, type=given.get("type"), command=given.get("command"))


def _same(events: Any, account: UUID) -> Keyset:
    if events.account != account:
        raise AssertionError("these are another account's events")
    found: Keyset = events
    return found


def _concerning(ref: str, events: Iterable[UUID]) -> list[UUID]:
    stored = documents.read(events, read)
    return [event for event, (document, _) in stored.items() if documents.concerns(document, ref)]


def _moment(bound: UUID) -> datetime:
    return datetime.fromtimestamp(0, UTC) + (bound.int >> 80) * _MILLISECOND


# Type by type, because that is how the index has them; then the newest of all, and whether they speak of the account.
_NEWEST = f"""
SELECT few.id, position(wanted.ref in event.result::text) > 0
  FROM (SELECT found.id
          FROM unnest(%s::text[]) AS kind (type)
         CROSS JOIN LATERAL (
               SELECT event.id FROM log_event AS event
                WHERE event.tenant_id = %s AND event.type = kind.type AND NOT event.type = '{TRANSFER}'
                  AND event.id >= %s AND event.id < %s
                ORDER BY event.id DESC LIMIT %s) AS found
         ORDER BY found.id DESC LIMIT %s) AS few
  JOIN log_event AS event ON event.id = few.id
 CROSS JOIN (SELECT %s::text AS ref) AS wanted
 ORDER BY few.id DESC
"""
_SEALED = """
SELECT leaf.log_index, leaf.event_id,
       EXISTS (SELECT FROM journal_posting AS posting
                WHERE posting.entry_id = leaf.event_id AND posting.account_id = wanted.account)
       OR (SELECT position(wanted.ref in event.result::text) > 0 FROM log_event AS event WHERE event.id = leaf.event_id)
  FROM (SELECT %s::uuid AS account, %s::text AS ref) AS wanted
 CROSS JOIN (SELECT log_index, event_id FROM log_leaf
              WHERE tenant_id = %s AND log_index > %s ORDER BY log_index LIMIT %s) AS leaf
 ORDER BY leaf.log_index
"""
