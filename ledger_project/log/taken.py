"""Batches whose rows somebody else holds: what can be executed is, and the rest is set aside.

One row that is locked for long must not stop those who do not need it. So a batch waits for its locks only briefly.
Where it could not have them, PostgreSQL is asked which of its rows are taken; the calls that need those are handed back
to their callers, who wait for them elsewhere (parking.py), and everybody else's are executed.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any, Final

import psycopg
from django.db import DEFAULT_DB_ALIAS, connections
from psycopg import errors as pg

from ledger_project.kernel.errors import TimedOut
from ledger_project.log import attempt, deadline
from ledger_project.log.attempt import carry_out
from ledger_project.log.call import Call, Result
from ledger_project.log.parking import Parking, Ref
from ledger_project.log.unit import Query, Store, Wants
from ledger_project.log.wire import Rows, round_trip

BRIEF: Final = 0.1  # seconds that a batch waits for its locks; others' batches are mostly done by then
KEY: Final = "idempotency_key"  # what is under way elsewhere under the same key is waited for by the key
_LOCK = re.compile(r"FOR NO KEY UPDATE(?: OF \w+)?")


def refs_of(call: Call) -> Iterator[Ref]:
    """What a call must have for itself."""
    yield KEY, call.idempotency_key
    yield from call.command.wants(call.arguments)


@dataclass(frozen=True, slots=True)
class SetAside:
    """What became of a call that was not executed: others hold this, which it needs."""

    ref: Ref


Outcome = Result | SetAside


def execute_the_free(bulks: Sequence[Sequence[Call]], parking: Parking) -> list[list[Outcome]]:
    """Execute independent calls of one tenant, several callers' at once, without those whose rows others hold.

    What another caller already waits for is known to be taken. Of the calls of one caller none goes before one that it
    may depend on: what has a row in common with a call that was set aside is set aside, too.
    """
    calls = [call for bulk in bulks for call in bulk]
    refs = parking.waited_for(calls[0].tenant)
    aside = [_aside(bulk, refs) for bulk in bulks] if refs else []
    if not any(map(any, aside)):
        for _ in range(2):  # the lock may have been gone when we asked who has it
            try:
                results = iter(carry_out(calls, lock_seconds=BRIEF))
                return [list(islice(results, len(bulk))) for bulk in bulks]
            except pg.LockNotAvailable:
                attempt.shift_slot()
            refs = taken(calls)
            if refs:
                break
        if not refs and len(calls) == 1:
            return [[SetAside((KEY, calls[0].idempotency_key))]]
        if not refs:  # it is not a row: whoever waits for it is found by going alone
            return [[execute_the_free([[call]], parking)[0][0] for call in bulk] for bulk in bulks]
        aside = [_aside(bulk, refs) for bulk in bulks]
    marked = [list(zip(bulk, marks, strict=True)) for bulk, marks in zip(bulks, aside, strict=True)]
    free = [[call for call, mark in bulk if not mark] for bulk in marked]
    executed = chain.from_iterable(execute_the_free([bulk for bulk in free if bulk], parking) if any(free) else ())
    return [[SetAside(mark) if mark else next(executed) for _, mark in bulk] for bulk in marked]


def _aside(bulk: Sequence[Call], refs: Collection[Ref]) -> list[Ref | None]:
    """For each of one caller's calls, what keeps it from being executed."""
    because: dict[Ref, Ref] = {ref: ref for ref in refs}
    marks = []
    for call in bulk:
        mark = next((because[ref] for ref in refs_of(call) if ref in because), None)
        if mark:
            because |= {ref: mark for ref in refs_of(call) if ref not in because}
        marks.append(mark)
    return marks


def taken(calls: Sequence[Call]) -> set[Ref]:
    """Those of the calls' rows that others hold at this moment."""
    refs = dict.fromkeys(ref for call in calls for ref in call.command.wants(call.arguments))
    locking = [(ref, query) for ref in refs for query in _locking(calls[0].tenant, ref)]
    asked = [each for _, query in locking for each in (_all_of(query), _free_of(query))]
    rows = iter(_in_transaction(deadline.left(), asked))
    return {ref for ref, _ in locking if len(next(rows)) > len(next(rows))}


def wait_for(tenant: int, ref: Ref) -> None:
    """Return when the rows are free, having held nothing else meanwhile. Raises LockNotAvailable at the deadline."""
    _in_transaction(deadline.left(), _locking(tenant, ref))


def _locking(tenant: int, ref: Ref) -> list[Query]:
    """The statements that lock what one reference leads to."""
    wants = Wants(tenant=tenant, slot=attempt.slot(), committed=True)
    wants.add(*ref)
    for store in Store.all:
        if store.takes_part(wants):
            store.prepare(wants, attempt.look)
    read = [store.reading(wants) for store in Store.all if store.takes_part(wants)]
    return [query for query in read if query and _LOCK.search(query[0])]


def _all_of(query: Query) -> Query:
    return _LOCK.sub("", query[0]), query[1]


def _free_of(query: Query) -> Query:
    return _LOCK.sub(r"\g<0> SKIP LOCKED", query[0]), query[1]


def _in_transaction(lock_seconds: float, queries: Iterable[Query]) -> list[Rows]:
    """What they find, with nothing locked any more."""
    django = connections[DEFAULT_DB_ALIAS]
    django.ensure_connection()
    connection: psycopg.Connection[Any] = django.connection
    try:
        return round_trip(connection, [("BEGIN", ()), attempt.limits(lock_seconds), *queries])[2:]
    except pg.QueryCanceled as late:
        raise TimedOut() from late
    finally:
        if not connection.closed:
            round_trip(connection, [("ROLLBACK", ())])
