"""Batches whose rows somebody else holds: what can be executed is, and the rest is set aside.

One row that is locked for long must not stop those who do not need it. So a batch waits for its locks only briefly.
Where it could not have them, PostgreSQL is asked which of its rows are taken; the calls that need those are handed back
to their callers, who wait for them elsewhere (parking.py), and everybody else's are executed.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
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
from ledger_project.log.unit import Query, Store
from ledger_project.log.wire import Rows, round_trip

BRIEF: Final = 0.1  # seconds that a batch waits for its locks; others' batches are mostly done by then
TWIN: Final = "idempotency_key"  # what is under way elsewhere under the same key is waited for by the key
_LOCK = re.compile(r"FOR NO KEY UPDATE(?: OF \w+)?")


@dataclass(frozen=True, slots=True)
class SetAside:
    """What became of a call that was not executed: others hold this, which it needs and locks with this statement."""

    ref: Ref
    query: Query | None = None


Outcome = Result | SetAside


def execute_the_free(bulks: Sequence[Sequence[Call]], parking: Parking) -> list[list[Outcome]]:
    """Execute independent calls of one tenant, several callers' at once, without those whose rows others hold.

    What another caller already waits for is known to be taken. Of the calls of one caller none goes before one that it
    may depend on: what has a row in common with a call that was set aside is set aside, too.
    """
    calls = [call for bulk in bulks for call in bulk]
    refs: Collection[Ref] = parking.waited_for(calls[0].tenant)
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
            return [[SetAside((TWIN, calls[0].idempotency_key))]]
        if not refs:  # it is not a row: whoever waits for it is found by going alone
            return [[execute_the_free([[call]], parking)[0][0] for call in bulk] for bulk in bulks]
        aside = [_aside(bulk, refs) for bulk in bulks]
    marked = [list(zip(bulk, marks, strict=True)) for bulk, marks in zip(bulks, aside, strict=True)]
    free = [[call for call, mark in bulk if not mark] for bulk in marked]
    executed = chain.from_iterable(execute_the_free([bulk for bulk in free if bulk], parking) if any(free) else ())
    return [[mark or next(executed) for _, mark in bulk] for bulk in marked]


def _aside(bulk: Sequence[Call], refs: Collection[Ref]) -> list[SetAside | None]:
    """For each of one caller's calls, what keeps it from being executed."""
    because: dict[Ref, SetAside] = {}
    marks: list[SetAside | None] = []
    for call in bulk:
        needed = needs(call)
        mark = next(
            (because.get(ref) or SetAside(ref, needed[ref]) for ref in needed if ref in because or ref in refs), None
        )
        if mark:
            because |= {ref: mark for ref in needed if ref not in because}
        marks.append(mark)
    return marks


def needs(call: Call) -> dict[Ref, Query | None]:
    """What a call must have for itself: its key, and each row with the statement that locks it."""
    wants = attempt.wants_of([call])
    found: dict[Ref, Query | None] = {(TWIN, call.idempotency_key): None}
    for kind, refs in wants.refs.items():
        for ref in refs:
            one = replace(wants, refs={kind: {ref}})
            for store in Store.all:
                query = store.reading(one) if store.takes_part(one) else None
                if query and _LOCK.search(query[0]):
                    found[kind, ref] = query
    return found


def taken(calls: Sequence[Call]) -> dict[Ref, Query]:
    """Those of the calls' rows that others hold at this moment."""
    locking = {ref: query for call in calls for ref, query in needs(call).items() if query}
    asked = [each for query in locking.values() for each in (_all_of(query), _free_of(query))]
    rows = iter(_in_transaction(deadline.left(), asked))
    return {ref: query for ref, query in locking.items() if len(next(rows)) > len(next(rows))}


def wait_for(query: Query) -> None:
    """Return when its rows are free, having held nothing else meanwhile. Raises LockNotAvailable at the deadline."""
    _in_transaction(deadline.left(), [query])


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
