"""Trips to the database: several statements sent together, and all their results.

psycopg's pipeline sends each statement by itself, which wakes the server and this process for every one of them; on the
posting path that cost more than the work. Here libpq (through psycopg) sends a list of prepared statements in one
write. Statements are prepared at first use on a connection. Parameters travel as text, rows are loaded by psycopg.

A prepared statement keeps its plan until PostgreSQL gathers new statistics, which may be a minute late: the plan that
was right for an empty table reads the whole of a table that has grown. So a connection throws its plans away once a
second.
"""

import math
import re
import select
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

import psycopg
from psycopg import pq
from psycopg.adapt import Transformer
from psycopg.errors import error_from_result
from psycopg.pq.abc import PGresult

from ledger_project.log import deadline

Statement = tuple[str, Sequence[Any]]
Rows = list[tuple[Any, ...]]

PLANS_LAST = 10**9  # nanoseconds
GRACE = 1  # seconds after a deadline in which PostgreSQL says so by itself, unless it hangs
_PLAN_ANEW: Statement = ("DISCARD PLANS", ())

_Prepare = tuple[str, tuple[int, ...]]  # a statement, and the types of its parameters

_UNKNOWN = 0  # PostgreSQL infers the type from the cast or the column beside it
_OIDS: dict[type, int] = {bool: 16, int: 20, UUID: 2950, datetime: 1184}


def round_trip(connection: psycopg.Connection[Any], statements: Sequence[Statement]) -> list[Rows]:
    """Execute the statements in order and return the rows of each (empty for those that have none).

    Raises the first error as psycopg's; the statements after it were not executed. `%s` marks a parameter; a list is
    sent as an array literal, whose type the statement says.
    """
    trip = Trip(connection)
    # Inside `atomic`, psycopg begins the transaction with its first own statement; it must not be later than ours.
    begins = not connection.autocommit and connection.pgconn.transaction_status == pq.TransactionStatus.IDLE
    trip.send([("BEGIN", ()), *statements] if begins else statements)
    return trip.results()[begins:]


class Trip:
    """A round trip in parts: PostgreSQL is at work on what was sent while its caller makes the next part.

    Until `results` or `abandon`, nothing else may use the connection.
    """

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        wire = _wires.get(connection)
        if wire is None:
            wire = _wires[connection] = _Wire(connection)
        self._wire = wire
        self._connection = connection
        self._prepares: list[_Prepare | None] = []
        self._own: list[Statement] = []  # what is sent before the caller's statements
        self.open = False

    def send(self, statements: Sequence[Statement]) -> None:
        """Send more statements, and wait for nothing. Raises OperationalError when the connection is lost."""
        if not self.open and self._wire.pgconn.pipeline_status:
            raise RuntimeError("another trip is under way on this connection")
        with self._lost_for_good():
            if not self.open:
                if self._wire.plans_are_old():
                    self._own = [_PLAN_ANEW]
                self._wire.begin()
                self.open = True
                statements = [*self._own, *statements]
            self._prepares += [self._wire.send(*statement) for statement in statements]
            self._wire.pgconn.flush()

    def results(self) -> list[Rows]:
        """The rows of every statement, as `round_trip` returns them."""
        with self._lost_for_good():
            results, error = self._wire.end(self._prepares)
            self.open = False
        if error is not None:
            raise error
        return [self._wire.rows(result) for result in results[len(self._own) :]]

    def abandon(self) -> None:
        """Wait for what was sent, whatever became of it."""
        with self._lost_for_good():
            self._wire.end(self._prepares)
            self.open = False

    @contextmanager
    def _lost_for_good(self) -> Iterator[None]:
        with self._connection.lock:
            try:
                yield
            except BaseException:
                # Lost or stopped half-way: results nobody has read would be taken for the next statement's.
                self.open = False
                self._wire.pgconn.finish()
                raise


class _Wire:
    """What a connection keeps from one trip to the next: the names of what is prepared, and how rows are read."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.pgconn = connection.pgconn
        self.names: dict[_Prepare, bytes] = {}
        self.fresh: dict[_Prepare, bytes] = {}
        # Not of the connection itself, which could then never be let go of: this is kept for as long as it lives.
        self.transformer = Transformer.from_context(connection.adapters)
        self.poll = select.poll()
        self.planned_at = time.monotonic_ns()
        self.until = math.inf

    def plans_are_old(self) -> bool:
        """Whether it is time to make them anew; asked before each trip."""
        now = time.monotonic_ns()
        old = now - self.planned_at > PLANS_LAST and self.pgconn.transaction_status != pq.TransactionStatus.INERROR
        if old:
            self.planned_at = now
        return old

    def begin(self) -> None:
        self.until = time.monotonic() + deadline.left() + GRACE
        if self.pgconn.status == pq.ConnStatus.BAD:
            raise psycopg.OperationalError("the connection is closed")
        self.fresh.clear()
        self.pgconn.enter_pipeline_mode()

    def end(self, prepares: Sequence[_Prepare | None]) -> tuple[list[PGresult], psycopg.Error | None]:
        """The statements' results, and the first error. Raises OperationalError when the connection is lost."""
        self.pgconn.pipeline_sync()
        results: list[PGresult] = []
        failures: list[psycopg.Error] = []
        for prepare in prepares:
            if prepare is not None and self._receive(failures).status == pq.ExecStatus.COMMAND_OK:
                self.names[prepare] = self.fresh[prepare]
            results.append(self._receive(failures))
        self._next()  # the sync itself
        self.pgconn.exit_pipeline_mode()
        return results, failures[0] if failures else None

    def rows(self, result: PGresult) -> Rows:
        """The rows of a result, loaded as the connection's adapters say."""
        if result.status != pq.ExecStatus.TUPLES_OK:
            return []
        self.transformer.set_pgresult(result)
        return self.transformer.load_rows(0, result.ntuples, tuple)

    def send(self, sql: str, parameters: Sequence[Any]) -> _Prepare | None:
        """Queue one statement, and before it its preparation where it is new; says what is being prepared."""
        oids = tuple([_OIDS.get(type(value), _UNKNOWN) for value in parameters])
        key = sql, oids
        name = self.names.get(key) or self.fresh.get(key)
        new = name is None
        if name is None:
            name = self.fresh[key] = f"ledger_{len(self.names) + len(self.fresh)}".encode()
            self.pgconn.send_prepare(name, numbered(sql), oids)
        self.pgconn.send_query_prepared(name, [_text(value) for value in parameters])
        return key if new else None

    def _next(self) -> PGresult | None:
        """The next result; sends what is still unsent. Raises OperationalError when a server keeps silent.

        libpq would wait for it with the interpreter locked: a thread that waits for a row lock would keep the thread
        that holds it from committing.
        """
        while self.pgconn.is_busy():
            unsent = self.pgconn.flush()
            self.poll.register(self.pgconn.socket, select.POLLIN | select.POLLOUT if unsent else select.POLLIN)
            rest = self.until - time.monotonic()
            if not self.poll.poll(None if rest == math.inf else max(0, rest * 1000)):
                raise psycopg.OperationalError("the server did not answer in time")
            self.pgconn.consume_input()
        return self.pgconn.get_result()

    def _receive(self, failures: list[psycopg.Error]) -> PGresult:
        """The next statement's result."""
        result = self._next()
        if result is None or self.pgconn.status == pq.ConnStatus.BAD:
            said = self.pgconn.error_message.decode(errors="replace")
            raise psycopg.OperationalError(said or "the connection was lost")
        self._next()  # the None that ends the results of each statement
        if result.status == pq.ExecStatus.FATAL_ERROR:
            failures.append(error_from_result(result, encoding="utf-8"))
        return result


_wires: WeakKeyDictionary[psycopg.Connection[Any], _Wire] = WeakKeyDictionary()


@lru_cache(maxsize=1024)
def numbered(sql: str) -> bytes:
    """`%s` as `$1`, `$2` …, and `%%` as `%`."""
    count = 0

    def replace(found: re.Match[str]) -> str:
        nonlocal count
        if found[0] == "%%":
            return "%"
        count += 1
        return f"${count}"

    return re.sub("%[s%]", replace, sql).encode()


def _text(value: Any) -> bytes | None:
    """A parameter in PostgreSQL's text form."""
    kind = type(value)
    if kind is list:
        return array(value).encode()
    if value is None:
        return None
    if kind is bytes:
        return b"\\x" + value.hex().encode()
    if kind is datetime:
        return value.isoformat().encode()
    return str(value).encode()


def array(values: Sequence[Any]) -> str:
    """An array literal of strings, integers, UUIDs, bools, bytes, times and None.

    Arrays are most of what a batch sends, and of one type each: strings and integers are written as a whole.
    """
    kinds = set(map(type, values))
    if kinds == {int}:
        return "{" + ",".join(map(str, values)) + "}"
    if kinds == {str}:
        return _strings(values)
    if kinds == {UUID}:
        return "{" + ",".join([value.hex for value in values]) + "}"
    return "{" + ",".join(map(_element, values)) + "}"


def _strings(values: Sequence[str]) -> str:
    """Inside quotes only the quote and the backslash are special. A NUL, which no text can hold, parts them."""
    text = "\0".join(values)
    if text.count("\0") != len(values) - 1:
        raise ValueError("a NUL cannot be stored as text")
    if "\\" in text:
        text = text.replace("\\", "\\\\")
    if '"' in text:
        text = text.replace('"', '\\"')
    return '{"' + text.replace("\0", '","') + '"}'


def _element(value: Any) -> str:
    if isinstance(value, str):
        return _strings([value])[1:-1]
    if value is None:
        return "NULL"
    if isinstance(value, bytes):
        return '"\\\\x' + value.hex() + '"'
    if isinstance(value, datetime):
        return '"' + value.isoformat() + '"'
    return str(value)
