"""Checks: named comparisons of what is stored with what the log says. Each app declares its own; nothing is repaired.

A comparison is one query, which finds differences; none is a pass. Most answer for one check, and one that has to read
much answers for several at once.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar

import psycopg
from django.db import connection


@dataclass(frozen=True, slots=True)
class Check:
    """What is compared, in words."""

    name: str
    says: str


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as it should be. `account` is whose balance row it is, where it is one."""

    check: str
    tenant: int | None
    subject: str
    stored: str
    replayed: str
    account: str | None = None


@dataclass(frozen=True, slots=True)
class Scope:
    """What a query looks at: a tenant, or all; everything, or what came since the last verified point.

    `events` stands for `log_event` in queries, and is narrower where not everything is looked at.
    """

    tenant: int | None = None
    incremental: bool = False
    events: str = "log_event"

    def of(self, column: str) -> str:
        """The condition that a row is in scope."""
        return f"{column} = %(tenant)s" if self.tenant is not None else "TRUE"


Query = str | Callable[[Scope], str]


@dataclass(frozen=True)
class Comparison:
    """A query that yields check, tenant, subject, stored, replayed and account.

    `rebuilds`: it holds stored state to the log and its postings, which is what replay does. `work` is in the query's
    place where PostgreSQL alone cannot compare.
    """

    checks: tuple[Check, ...]
    query: Query = ""
    rebuilds: bool = True
    work: Callable[[Scope], Iterator[Difference]] | None = None

    all: ClassVar[list["Comparison"]] = []

    def __post_init__(self) -> None:
        Comparison.all.append(self)

    def find(self, scope: Scope) -> Iterator[Difference]:
        """Row by row, so a million differences take no more memory than a few; nothing else is asked meanwhile.

        A cursor of the server would do that, too, but PostgreSQL works in parallel only where none is declared.
        """
        if self.work is not None:
            yield from self.work(scope)
            return
        text = self.query if isinstance(self.query, str) else self.query(scope)
        with psycopg.Cursor(connection.connection) as cursor:
            for check, tenant, subject, stored, replayed, account in cursor.stream(
                text.encode(), {"tenant": scope.tenant}
            ):
                yield Difference(check, tenant, str(subject), str(stored), str(replayed), account)


def compare(name: str, says: str, query: Query, *, rebuilds: bool = True) -> Check:
    """Declare a check with a query of its own, which yields tenant, subject, stored and replayed."""
    check = Check(name, says)

    def whole(scope: Scope) -> str:
        text = query if isinstance(query, str) else query(scope)
        return f"SELECT '{name}', found.*, NULL FROM ({text}) AS found (tenant, subject, stored, replayed)"

    Comparison((check,), whole, rebuilds)
    return check


@contextmanager
def view() -> Iterator[None]:
    """One view of the database, in which everything is as of one moment; what is written in it is kept at its end."""
    with connection.cursor() as cursor:
        cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        # Whoever reads differences may be a person with a pager.
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        try:
            yield
        except BaseException:
            _end("ROLLBACK")
            raise
        _end("COMMIT")


def _end(statement: str) -> None:
    if connection.connection is not None and not connection.connection.closed:
        connection.connection.execute(statement)
