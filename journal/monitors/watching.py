"""Watching: the sealed log is read once, in order, and each crossing of a monitor becomes one event.

Whether a bounded account's balance crossed is in the entry itself. An unbounded account's balance is the sum of all its
entries up to that place in the log, which is carried along in `running`. The event has a key made of monitor and
version, and its entry crosses a monitor once by a unique constraint; so a run that was killed, or that runs beside
another, repeats itself without a second event.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from accounts.rows import DEBIT_NORMAL, Bucket
from journal.errors import AlreadyTriggered, MonitorNotFound
from journal.monitors.rows import crosses, moves_of
from ledger_project.kernel import ids
from ledger_project.kernel.errors import Busy, Refusal
from ledger_project.log import feed
from ledger_project.log.each import Each
from ledger_project.log.executor import MAX_BATCH, Call, execute_free, look, system_call

PAGE = 5000  # places of the log looked at by one query
PAGES = 100  # of one run
ACTOR = "system:monitors"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Watch:
    """A monitor at work; `since` is the log index of its registration."""

    id: UUID
    tenant: int
    account: UUID
    account_type: str
    unbounded: bool
    bucket: int
    operator: str
    value: int
    running: int | None
    since: int


@dataclass(frozen=True, slots=True)
class Crossed:
    """A crossing that was found."""

    watch: Watch
    entry: UUID
    before: int
    after: int
    version: int

    def call(self) -> Call:
        arguments = {
            "monitor": ids.show("mon", self.watch.id),
            "entry": ids.show("ent", self.entry),
            "balance_before": self.before,
            "balance": self.after,
        }
        # An unbounded account's versions count each stripe by itself, so there the entry names the crossing.
        place = self.entry.hex if self.watch.unbounded else self.version
        key = f"monitor:{self.watch.id.hex}:{place}"
        return system_call(self.watch.tenant, "trigger_monitor", key=key, actor=ACTOR, **arguments)


def watch() -> int:
    """Look at what was sealed since; how many crossings there were."""
    found = 0
    each = Each("watch_balances")
    carried: dict[UUID, int] = {}
    place: int | None = None  # where this run is, once somebody could not be told and the cursor stays for him
    for _ in range(PAGES):
        ((start,),) = look("SELECT next_index FROM journal_monitorcursor", ()) if place is None else ((place,),)
        end = min(feed.head() + 1, start + PAGE)
        if end <= start:
            break
        crossed, carried = _look_at(start, end, carried if place is not None else {})
        _trigger(each, crossed)
        if each.failures:
            place = end
        else:
            _advance(start, end, carried)
        found += len(crossed)
    each.finish()
    return found


def _look_at(start: int, end: int, carried: dict[UUID, int]) -> tuple[list[Crossed], dict[UUID, int]]:
    """The crossings from one place of the log to another, in order, and the balances carried along."""
    watches = {record[0]: Watch(*record) for record in look(_WATCHES, (end,))}
    running = {
        key: carried[key] if key in carried else _opening(each, start)
        for key, each in watches.items()
        if each.unbounded
    }
    crossed = []
    for monitor, entry, legs in _entries(look(_MOVES, (start, end))):
        each = watches.get(monitor)
        if each is None:
            continue  # registered since this began
        move = moves_of(legs)[each.account, each.bucket]
        before, after = move.before, move.after
        if each.unbounded:
            before, after = running[monitor], running[monitor] + move.delta
            running[monitor] = after
        if crosses(each.operator, each.value, before, after):
            crossed.append(Crossed(each, entry, before, after, move.version))
    return crossed, running


def _entries(records: Iterable[Any]) -> Iterable[tuple[UUID, UUID, list[Any]]]:
    """The postings of a monitor's bucket, entry by entry."""
    group: tuple[UUID, UUID] | None = None
    legs: list[Any] = []
    for monitor, entry, *leg in records:
        if group != (monitor, entry):
            if group is not None:
                yield (*group, legs)
            group, legs = (monitor, entry), []
        legs.append(leg)
    if group is not None:
        yield (*group, legs)


def _opening(each: Watch, start: int) -> int:
    """An unbounded account's balance before a place in the log: carried here, or added up once."""
    if each.running is not None:
        return each.running
    ((total,),) = look(_TOTAL, (each.account, each.bucket, max(start, each.since + 1)))
    return int(total) if (each.account_type in DEBIT_NORMAL) != (each.bucket == Bucket.CREDIT_USED) else -int(total)


def _trigger(each: Each, crossed: list[Crossed]) -> None:
    """One event each. A tenant whose rows were locked for too long fails, and all of it is looked at again."""
    by_tenant: dict[int, list[Call]] = {}
    for crossing in crossed:
        by_tenant.setdefault(crossing.watch.tenant, []).append(crossing.call())
    each.serve(by_tenant, lambda tenant: _tell(by_tenant[tenant]))


def _tell(calls: list[Call]) -> None:
    for first in range(0, len(calls), MAX_BATCH):
        for result in execute_free(calls[first : first + MAX_BATCH]):
            if isinstance(result, Exception) and (isinstance(result, Busy) or not isinstance(result, Refusal)):
                raise result
            if isinstance(result, Refusal) and not isinstance(result, MonitorNotFound | AlreadyTriggered):
                log.error("a crossing was refused: %s", result)


def _advance(start: int, end: int, running: dict[UUID, int]) -> None:
    """Go on from here, unless somebody else did."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE journal_monitorcursor SET next_index = %s WHERE next_index = %s RETURNING 1", (end, start)
        )
        if cursor.fetchone() is not None and running:
            cursor.execute(_CARRY, (list(running), [str(total) for total in running.values()]))


# A monitor watches from its registration on, whose event has the monitor's own id.
_WATCHES = """
SELECT monitor.id, monitor.tenant_id, monitor.account_id, account.type, account.unbounded, monitor.bucket,
       monitor.operator, monitor.value, monitor.running, leaf.log_index
  FROM journal_monitor AS monitor
  JOIN accounts_account AS account ON account.id = monitor.account_id
  JOIN log_leaf AS leaf ON leaf.event_id = monitor.id
 WHERE monitor.deleted_at IS NULL AND leaf.log_index < %s
"""
_MOVES = """
SELECT monitor.id, posting.entry_id, posting.account_id, account.type, posting.bucket, posting.amount,
       posting.balance_after, posting.version
  FROM log_leaf AS leaf
  JOIN journal_posting AS posting ON posting.entry_id = leaf.event_id
  JOIN journal_monitor AS monitor
       ON monitor.account_id = posting.account_id AND monitor.bucket = posting.bucket AND monitor.deleted_at IS NULL
  JOIN accounts_account AS account ON account.id = posting.account_id
  JOIN log_leaf AS since ON since.event_id = monitor.id AND since.log_index < leaf.log_index
 WHERE leaf.log_index >= %s AND leaf.log_index < %s
 ORDER BY leaf.log_index, monitor.id, posting.seq
"""
_TOTAL = """
SELECT coalesce(sum(posting.amount), 0)
  FROM journal_posting AS posting JOIN log_leaf AS leaf ON leaf.event_id = posting.entry_id
 WHERE posting.account_id = %s AND posting.bucket = %s AND leaf.log_index < %s
"""
_CARRY = """
UPDATE journal_monitor AS old SET running = new.running
  FROM unnest(%s::uuid[], %s::text[]::numeric[]) AS new (id, running) WHERE old.id = new.id
"""
