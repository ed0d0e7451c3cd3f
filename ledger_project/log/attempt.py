"""A batch, in two round trips, and again where something came between.

The first locks every row that the batch needs, in a fixed order, and finds which idempotency keys are spent; then the
plans run in memory; the second writes all of it and commits. Of a long batch, what was planned is on its way while the
rest is being planned. docs/concurrency.md gives the locking rules as numbered cases.
"""

import os
import threading
from collections.abc import Sequence
from itertools import pairwise
from typing import Any
from uuid import UUID

import psycopg
from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db import connection as django_connection
from psycopg import errors as pg

from ledger_project.kernel import clock, ids
from ledger_project.kernel.canonical import content_hash, plain
from ledger_project.kernel.errors import Busy, IdempotencyKeyReused, Refusal, TimedOut
from ledger_project.log import counting, deadline, documents, outages, rules
from ledger_project.log.call import Call, Done, Result
from ledger_project.log.documents import Document
from ledger_project.log.unit import Batch, Query, Store, Unit, Wants
from ledger_project.log.wire import GRACE, Trip, round_trip

PART = 100  # accepted calls that are written together
ATTEMPTS = 8  # each repeat follows another writer's commit, or a lost connection


_slots = threading.local()


def slot() -> int:
    """Which stripe this thread takes of accounts that have several: its own, as long as nobody else is at it."""
    shift: int = getattr(_slots, "shift", 0)
    return os.getpid() * 7 + threading.get_ident() // 4096 + shift


def shift_slot() -> None:
    """Take another one from now on."""
    _slots.shift = getattr(_slots, "shift", 0) + 1


def look(sql: str, parameters: Sequence[Any]) -> list[Any]:
    """Read rows with a prepared statement on this thread's connection."""
    django = connections[DEFAULT_DB_ALIAS]
    django.ensure_connection()
    return round_trip(django.connection, [(sql, parameters)])[0]


class BatchRefused(Exception):
    """An atomic batch in which one call was refused; `results` has what each would have got."""

    def __init__(self, index: int, results: list[Result]) -> None:
        super().__init__(f"call {index} was refused")
        self.index = index
        self.results = results


def carry_out(
    calls: Sequence[Call], *, atomic: bool = False, dry_run: bool = False, lock_seconds: float
) -> list[Result]:
    """Execute calls of one tenant as one batch, anew where another writer or a lost connection came between.

    Raises LockNotAvailable where a row was locked for longer than `lock_seconds`; nothing was stored then. Refuses:
    Busy, and what is wrong with the database.
    """
    parts = _by_rules(calls)
    if len(parts) > 1:
        return _in_turn(parts, atomic=atomic, dry_run=dry_run, lock_seconds=lock_seconds)
    for attempt in range(ATTEMPTS):
        try:
            # After a conflict over keys the batch is written as a whole: all its keys in one order, and no deadlock.
            in_parts = attempt == 0 and not atomic and not dry_run
            one = Attempt(calls, atomic=atomic, dry_run=dry_run, in_parts=in_parts, lock_seconds=lock_seconds)
            return one.run()
        except (pg.UniqueViolation, pg.DeadlockDetected, pg.SerializationFailure, rules.RulesChanged) as conflict:
            # Another writer was first with a key, a name, a reference or a rule: it is committed now, so look again.
            if attempt == ATTEMPTS - 1 or not deadline.left():
                raise Busy(reason=type(conflict).__name__) from conflict
        except pg.LockNotAvailable:
            raise
        except (pg.CheckViolation, pg.RaiseException, pg.ForeignKeyViolation, pg.DataError) as forbidden:
            return _forbidden(calls, forbidden, atomic=atomic, dry_run=dry_run, lock_seconds=lock_seconds)
        except psycopg.Error as error:
            if not outages.is_lost(error):
                outage = outages.outage_of(error)
                if outage is None:
                    raise
                raise outage from error
            # The connection is gone, perhaps with our COMMIT under way. The keys tell whether it was carried out.
            if django_connection.in_atomic_block or attempt == ATTEMPTS - 1:
                raise
            django_connection.close()
            if not deadline.left():
                raise TimedOut() from error
    raise AssertionError("unreachable")


def _forbidden(
    calls: Sequence[Call], error: psycopg.Error, *, atomic: bool, dry_run: bool, lock_seconds: float
) -> list[Result]:
    """PostgreSQL forbade what the plans let through: they are written one by one, and the one at fault fails alone.

    None may be at fault: a batch writes each row once, and a rule about a step (credit drawn, then its limit lowered)
    can mistake two steps for one.
    """

    if len(calls) > 1:
        return _in_turn([[call] for call in calls], atomic=atomic, dry_run=dry_run, lock_seconds=lock_seconds)
    refusal = Refusal.by_constraint.get(error.diag.constraint_name or "")
    result: Result = refusal(detail=error.diag.message_primary) if refusal else error
    if atomic:
        raise BatchRefused(0, [result] * len(calls)) from error
    if not dry_run:
        counting.count(calls, [result])
    return [result]


def _by_rules(calls: Sequence[Call]) -> list[Sequence[Call]]:
    """The calls in parts: what follows on a change of rules is planned by the new ones."""
    ends = [place for place, call in enumerate(calls, 1) if call.command.changes_rules and place < len(calls)]
    return [calls[start:end] for start, end in pairwise([0, *ends, len(calls)])] if ends else [calls]


def _in_turn(parts: Sequence[Sequence[Call]], *, atomic: bool, dry_run: bool, lock_seconds: float) -> list[Result]:
    """Parts of a batch one after the other; of an atomic one in one transaction."""
    if not atomic:
        return [result for part in parts for result in carry_out(part, dry_run=dry_run, lock_seconds=lock_seconds)]
    with transaction.atomic():
        results = _in_turn(parts, atomic=False, dry_run=dry_run, lock_seconds=lock_seconds)
        refused = next((index for index, result in enumerate(results) if isinstance(result, Exception)), None)
        if refused is not None:
            raise BatchRefused(refused, results)
    if not dry_run and not django_connection.in_atomic_block:
        counting.count([call for part in parts for call in part], results)
    return results


def wants_of(calls: Sequence[Call], *, committed: bool = True) -> Wants:
    """What calls of one tenant refer to, and what that leads to."""
    tenant = calls[0].tenant
    revision = rules.revision_for(tenant, look, committed=committed)
    wants = Wants(tenant=tenant, slot=slot(), committed=committed, revision=revision)
    for call in calls:
        for kind, ref in call.command.wants(call.arguments):
            wants.add(kind, ref)
    for store in Store.all:
        if store.takes_part(wants):
            store.prepare(wants, look)
    return wants


class Attempt:
    """One try at a batch on this thread's connection."""

    def __init__(
        self, calls: Sequence[Call], *, atomic: bool, dry_run: bool, in_parts: bool, lock_seconds: float
    ) -> None:
        self.calls = calls
        self.lock_seconds = lock_seconds
        self.atomic = atomic
        self.dry_run = dry_run
        self.in_parts = in_parts
        self.tenant = calls[0].tenant
        django = connections[DEFAULT_DB_ALIAS]
        django.ensure_connection()
        self.connection: psycopg.Connection[Any] = django.connection
        # Inside a caller's transaction the batch is a savepoint of it: embedded use, and one commit for both.
        nested = django.in_atomic_block
        self.begin, self.commit, self.rollback = (
            ("SAVEPOINT batch", "RELEASE SAVEPOINT batch", ["ROLLBACK TO SAVEPOINT batch", "RELEASE SAVEPOINT batch"])
            if nested
            else ("BEGIN", "COMMIT", ["ROLLBACK"])
        )
        self.nested = nested
        self.trip = Trip(self.connection)
        self.accepted: list[tuple[Call, Unit, Done]] = []
        self.written = 0  # how many of them are
        self.made: dict[Store, list[Any]] = {}  # rows that were new when they were written

    def run(self) -> list[Result]:
        self.wants = wants_of(self.calls, committed=not self.nested)
        try:
            batch, spent = self._lock()
            results = self._plan(batch, spent)
            if self.accepted and not self.dry_run:
                self._finish(batch)
            else:
                self._roll_back()
        except BaseException:
            if self.trip.open:
                self.trip.abandon()
            if not self.connection.closed:
                self._roll_back()
            raise
        if self.wants.committed and not self.dry_run:
            counting.count(self.calls, results)
        return results

    def _lock(self) -> tuple[Batch, dict[str, tuple[UUID, str, Any]]]:
        """First round trip: lock in order, read, and find spent keys last, when a concurrent twin has committed."""
        taking_part = [store for store in Store.all if store.takes_part(self.wants)]
        stores = [(store, query) for store in taking_part if (query := store.reading(self.wants))]
        keys = [call.idempotency_key for call in self.calls]
        begin: list[Query] = [(self.begin, ())]
        if self.wants.committed:
            setting = _PLANNED_ONCE if len(self.calls) <= PART else _ROW_BY_ROW
            begin.append(limits(self.lock_seconds, setting))
        asked = [*(query for _, query in stores), (_SPENT_KEYS, (self.tenant, keys, self.tenant))]
        *reads, spent = round_trip(self.connection, [*begin, *asked])[len(begin) :]
        rules.require_newest(self.wants, spent[0][1])
        batch = Batch(clock.adjusted(clock.at(spent[0][0])), self.wants.facts)
        read = {store: rows for (store, _), rows in zip(stores, reads, strict=True)}
        for store in taking_part:
            store.load(read.get(store, ()), batch, self.wants)
        return batch, {key: (event_id, command, payload) for _, _, key, event_id, command, payload in spent if key}

    def _roll_back(self) -> None:
        round_trip(self.connection, [(statement, ()) for statement in self.rollback])

    def _plan(self, batch: Batch, spent: dict[str, Any]) -> list[Result]:
        """Run the plans one after the other, each on what the ones before it left."""
        results: list[Result] = []
        fresh: dict[str, tuple[Call, Done]] = {}
        stored = documents.read([event_id for event_id, _, _ in spent.values()], look) if spent else {}
        for call in self.calls:
            key = call.idempotency_key
            if key in spent:
                event_id, command, payload = spent[key]
                refusal = _reuse(call, command, documents.load_json(payload), event_id, stored[event_id][0])
                results.append(refusal or Done(*stored[event_id], replayed=True))
            elif key in fresh:
                twin, done = fresh[key]
                event_id = UUID(hex=done.document["id"][4:])
                refusal = _reuse(call, twin.command.name, twin.payload, event_id, done.document)
                results.append(refusal or Done(done.document, done.content_hash, replayed=True, dry_run=self.dry_run))
            else:
                result = self._plan_one(call, batch)
                if isinstance(result, Done):
                    fresh[key] = call, result
                results.append(result)
                if self.in_parts and len(self.accepted) - self.written >= PART:
                    self._write_part(batch)
        if self.atomic:
            for index, result in enumerate(results):
                if isinstance(result, Exception):
                    raise BatchRefused(index, results)
        return results

    def _plan_one(self, call: Call, batch: Batch) -> Done | Refusal | Exception:
        event_id = ids.make(batch.now, len(self.accepted))
        command, caller = call.command, call.caller
        unit = command.books(batch, tenant=self.tenant, event_id=event_id, caller=caller, command=command)
        try:
            if caller.account is not None:
                unit.keep_within(call.arguments)
            command.plan(unit, **call.arguments)
            unit.finish()
            if command.changes_rules:
                rules.count_change(unit)
        except Refusal as refusal:
            # Its traceback would hold the frame with the results, and so itself and all rows of the batch, until the
            # cycle collector comes by: a pause of half a second, then, for a few thousand calls.
            return refusal.with_traceback(None)
        except Exception as bug:
            # A bug in one plan must not fail the callers it happens to share a batch with; it is raised to its own.
            return bug
        document = documents.event_document(
            event_id=unit.event_id,
            tenant=self.tenant,
            type=call.command.event,
            command=call.command.name,
            idempotency_key=call.idempotency_key,
            actor=call.caller.actor,
            recorded_at=batch.now,
            payload=call.payload,
            result=unit.result,
            entry=unit.entry.document() if unit.entry else None,
        )
        done = Done(document, content_hash(document), dry_run=self.dry_run)
        batch.absorb(unit)
        self.accepted.append((call, unit, done))
        return done

    def _write_part(self, batch: Batch) -> None:
        """Send what was accepted since the last part, unless a row of it must wait for the whole batch."""
        changed = _changed(batch)
        self.in_parts = all(store.in_parts for store in changed)
        if self.in_parts:
            self._write(batch, changed)

    def _finish(self, batch: Batch) -> None:
        """Second round trip: every row of the batch that is not on its way yet, and the commit."""
        if len(self.accepted) > self.written:
            self._write(batch, _changed(batch))
        self.trip.send([(self.commit, ())])
        self.trip.results()
        if self.wants.committed:
            for store, rows in self.made.items():
                store.written(rows)

    def _write(self, batch: Batch, changed: dict[Store, list[Any]]) -> None:
        """Send the changed rows and the events they come from, in one statement."""
        queries = [_events(self.tenant, batch, self.accepted[self.written :])]
        for store in Store.all:
            if store in changed:
                queries += store.writing(changed[store], self.tenant, batch.now)
        statement = ", ".join(f"part_{n} AS ({sql})" for n, (sql, _) in enumerate(queries))
        parameters = [value for _, values in queries for value in values]
        self.trip.send([(f"WITH {statement} SELECT 1", parameters)])
        self.written = len(self.accepted)
        for store, rows in changed.items():
            self.made.setdefault(store, []).extend(row for row in rows if row.new)
            for row in rows:
                row.new = row.changed = False


def _changed(batch: Batch) -> dict[Store, list[Any]]:
    """The rows that are not written yet, by store."""
    changed: dict[Store, list[Any]] = {}
    for row in batch.rows.values():
        if row.changed:
            changed.setdefault(row.store, []).append(row)
    return changed


# A batch differs from another in its values and not in how its rows are found: without this PostgreSQL plans its
# statements anew each time, because it believes an array of one to be cheaper than an array that it does not know.
_PLANNED_ONCE = "set_config('plan_cache_mode', 'force_generic_plan', true)"

# A long batch is planned for what it holds, but finds its rows by their keys: PostgreSQL would read all of a few
# thousand balances for each of its parts.
_ROW_BY_ROW = "set_config('enable_hashjoin', 'off', true)"

# How long one statement of a transaction waits for a lock, and takes in all.
_IN_TIME = "set_config('lock_timeout', %s, true), set_config('statement_timeout', %s, true)"


def limits(lock_seconds: float, *others: str) -> Query:
    """The statement that sets both for a transaction, within the deadline of its call, and what else is to be set."""
    seconds = min(deadline.left(), 86_400)
    # The wait for a lock ends first, for it is the better answer.
    milliseconds = [str(max(1, int(each * 1000))) for each in (min(lock_seconds, seconds), seconds + GRACE / 2)]
    return f"SELECT {', '.join([_IN_TIME, *others])}", milliseconds


# One look-up by index for each key, whatever PostgreSQL believes about a table that nobody has analysed yet. The time
# is a number because Python reads numbers twenty times as fast as times.
_SPENT_KEYS = """
SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint,
       (SELECT revision FROM log_revision WHERE tenant_id = %s), spent.*
  FROM (VALUES (1)) AS always
  LEFT JOIN (
       SELECT event.* FROM unnest(%s::text[]) AS wanted (key) CROSS JOIN LATERAL (
              SELECT idempotency_key, id, command, payload FROM log_event
               WHERE tenant_id = %s AND idempotency_key = wanted.key LIMIT 1) AS event
       ) AS spent ON true
"""


def _reuse(call: Call, command: str, payload: dict[str, Any], event_id: UUID, document: Document) -> Refusal | None:
    """The refusal for a key that was spent on other content, naming what differs; to others, that it was spent."""
    account = call.caller.account_ref
    if account is not None and not documents.concerns(document, account):
        return IdempotencyKeyReused()
    secrets = call.command.secrets
    names = sorted((call.payload.keys() | payload.keys()) - secrets)
    differing = [name for name in names if call.payload.get(name) != payload.get(name)]
    if command == call.command.name and not differing:
        return None
    fields = ["command"] * (command != call.command.name) + differing
    return call.command.differs(fields=fields, event=ids.show("evt", event_id))


def _events(tenant: int, batch: Batch, accepted: list[tuple[Call, Unit, Done]]) -> Query:
    """The events in the order of their keys, so two batches with common keys wait in one order."""
    accepted = sorted(accepted, key=lambda each: each[0].idempotency_key)
    calls = [call for call, _, _ in accepted]
    return (
        "INSERT INTO log_event (id, tenant_id, type, command, idempotency_key, actor, payload, result, content_hash,"
        " recorded_at) SELECT id, %s, type, command, key, actor, payload::json, result::json, hash, %s"
        " FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::bytea[])"
        " AS new (id, type, command, key, actor, payload, result, hash)",
        (
            tenant,
            batch.now,
            [unit.event_id for _, unit, _ in accepted],
            [call.command.event for call in calls],
            [call.command.name for call in calls],
            [call.idempotency_key for call in calls],
            [call.caller.actor for call in calls],
            [plain(call.payload) for call in calls],
            [plain(unit.result) for _, unit, _ in accepted],
            [done.content_hash for _, _, done in accepted],
        ),
    )
