"""One moment of the books, read over a connection of its own.

An export reads the same tables several times and must see the same books each time, while others go on writing. Its
cursors are the server's, so what is in memory is one batch of rows however large the books are.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Any

from django.db import connection

BATCH = 2000
# A reader on a slow line lets the transaction wait, which the session's own limit is too short for.
BEGIN = (
    "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
    "SET LOCAL idle_in_transaction_session_timeout = '10min'",
    # All rows are read, so the plan must not be the one that has the first of them soonest.
    "SET LOCAL cursor_tuple_fraction = 1",
    # The first query is what the transaction's snapshot is taken for.
    "SELECT pg_current_snapshot()",
)


class Snapshot:
    """What a connection sees while its transaction lasts."""

    def __init__(self, raw: Any) -> None:
        self._raw = raw
        self._names = (f"export_{n}" for n in count())

    def rows(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any]) -> Iterator[Any]:
        """The rows as they are wanted."""
        with self._raw.cursor(name=next(self._names)) as cursor:
            cursor.itersize = BATCH
            cursor.execute(sql, parameters)
            yield from cursor

    def row(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any]) -> Any:
        """The one row of a question that has one."""
        return next(self.rows(sql, parameters))


@contextmanager
def snapshot() -> Iterator[Snapshot]:
    """The books as they are now, for as long as the block lasts."""
    own: Any = connection.copy()
    try:
        own.ensure_connection()
        with own.connection.cursor() as cursor:
            for statement in BEGIN:
                cursor.execute(statement)
        yield Snapshot(own.connection)
    finally:
        own.close()
