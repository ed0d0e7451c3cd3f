"""Every column of every table: what is changed, put in or taken out behind the ledger's back is refused or found.

Each value is changed to another one that the column would take: by the app's role, and by whoever owns the tables, with
the triggers off. What neither the grants nor the rules stop, the check that the column is declared with must find.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import DatabaseError, connection, connections, transaction

from journal.reconciliation import running
from ledger_project.log import sealed, sealing
from ledger_project.log.checks import Comparison, Difference, Scope
from ledger_project.log.rebuilt import Watched
from ledger_project.log.verification import Elsewhere
from ledger_project.testing.databases import own_database
from ledger_project.testing.ledger import Ledger
from ledger_project.tests.everything import everything

pytestmark = pytest.mark.slow

ROWS = 6  # of each table
TABLES = sorted(table for table, watched in Watched.all.items() if not watched.why)
# What a column may hold besides what it holds; the first that the table takes is planted.
OTHERS = {
    "uuid": ["gen_random_uuid()"],
    "text": [
        "coalesce({0}, '') || 'x'",
        "'pending'",
        "'confirmed'",
        "'frozen'",
        "'open'",
        "'gte'",
        "'expense'",
        "'hold'",
    ],
    "numeric": ["{0} + 1", "{0} - 1", "7"],
    "integer": ["{0} + 1", "{0} - 1", "7"],
    "smallint": ["{0} + 1", "{0} - 1", "7"],
    "bigint": ["{0} + 1", "{0} - 1", "7"],
    "boolean": ["NOT {0}"],
    "timestamp with time zone": ["{0} + interval '1 microsecond'", "{0} - interval '1 microsecond'", "now()"],
    "date": ["{0} + 1", "{0} - 1", "current_date"],
    "jsonb": ["""'{{"x": "1"}}'""", """'["x"]'"""],
    "json": ["""'{{"x": "1"}}'"""],
    "bytea": ["sha256(coalesce({0}, ''))"],
    "ARRAY": ["{0} || {0}"],
}


@dataclass(frozen=True)
class Column:
    name: str
    type: str
    nullable: bool
    writable: bool

    def others(self) -> list[str]:
        quoted = f'"{self.name}"'
        return [each.format(quoted) for each in OTHERS.get(self.type, [])] + ["NULL"] * self.nullable


@pytest.fixture(scope="module")
def books() -> Iterator[Ledger]:
    """Books with a row in every table, and the rights of whoever rules the database."""
    with own_database() as name:
        ledger = everything()
        running.run_waiting()
        sealing.seal()
        connections.close_all()
        with own_database(copy_of=name, as_owner=True):
            connection.ensure_connection()
            assert list(differences(ledger)) == []
            yield ledger


def differences(books: Ledger, check: str = "") -> Iterator[Difference]:
    """What a reconciliation would find, by one check or all."""
    for comparison in Comparison.all:
        if not check or check in {each.name for each in comparison.checks}:
            yield from comparison.find(Scope())
    if not check or check in {each.name for each in sealed.CHECKS.values()}:
        yield from sealed.differences(Elsewhere(), {books.tenant})


def columns(table: str) -> list[Column]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT column_name, data_type, is_nullable = 'YES', is_generated = 'NEVER' FROM information_schema.columns"
            " WHERE table_schema = 'public' AND table_name = %s ORDER BY ordinal_position",
            [table],
        )
        return [Column(*row) for row in cursor.fetchall()]


def rows_of(table: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT ctid::text FROM {table} ORDER BY ctid LIMIT {ROWS}")
        return [ctid for (ctid,) in cursor.fetchall()]


def unique_columns(table: str) -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT attname FROM pg_index JOIN pg_attribute ON attrelid = indrelid AND attnum = ANY(indkey)"
            " WHERE indrelid = %s::regclass AND indisunique",
            [table],
        )
        return {name for (name,) in cursor.fetchall()}


def checks_of(table: str) -> list[str]:
    """The checks that hold a table, those of its own columns first, and then all others."""
    watched = Watched.all[table]
    own = {name for name in (watched.check, *watched.held.values()) if name}
    return [*sorted(own), *sorted({check.name for check in running.checks()} - own)]


@contextlib.contextmanager
def spoiling(table: str, role: str) -> Iterator[Any]:
    """A transaction of the app or the owner that is undone; the owner's has no triggers."""
    with transaction.atomic(), connection.cursor() as cursor:
        if role == "owner":
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        else:
            cursor.execute("SET LOCAL ROLE ledger_app")
        yield cursor
        transaction.set_rollback(True)


def unnoticed(books: Ledger, table: str, statement: str, *checks: str) -> tuple[bool, bool]:
    """Whether a statement was carried out, by either role, and whether these checks said nothing of it then."""
    for role in ("app", "owner"):
        with contextlib.suppress(DatabaseError), spoiling(table, role) as cursor:
            cursor.execute(statement)
            if not cursor.rowcount:
                return False, False
            cursor.execute("RESET ROLE")
            # What the app's role could do the owner can as well, with the same rows to be found.
            return True, not any(name in {each.check for each in differences(books, name)} for name in checks)
    return False, False


def test_every_table_and_column_is_declared() -> None:
    """Who adds a column says where it comes from, or why no event says it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name, array_agg(column_name::text ORDER BY ordinal_position) FROM information_schema.columns"
            " JOIN information_schema.tables USING (table_schema, table_name)"
            " WHERE table_schema = 'public' AND table_type = 'BASE TABLE' GROUP BY table_name"
        )
        tables = dict(cursor.fetchall())

    assert tables.keys() == Watched.all.keys()
    for table, names in tables.items():
        watched = Watched.all[table]
        assert [name for name in names if watched.by(name) is None] == [], table
        assert (watched.rebuilt | watched.held.keys() | watched.apart.keys()) - set(names) == set(), table
    checks = {check.name for check in running.checks()}
    held = {name for watched in Watched.all.values() for name in (*watched.held.values(), watched.check) if name}
    assert held <= checks


@pytest.mark.parametrize("table", TABLES)
def test_a_changed_column_is_refused_or_found(books: Ledger, table: str) -> None:
    watched, missed, tried = Watched.all[table], [], 0
    rows = rows_of(table)
    assert rows, f"the books have no row in {table}"
    for column in columns(table):
        check = watched.by(column.name)
        for row in rows if check else ():
            for other in column.others():
                statement = (
                    f"UPDATE {table} SET \"{column.name}\" = {other} WHERE ctid = '{row}'"
                    f' AND "{column.name}"::text IS DISTINCT FROM ({other})::text'
                )
                done, silent = unnoticed(books, table, statement, check or "")
                if silent:
                    missed.append(f"{statement}: {check} says nothing")
                if done:
                    tried += 1
                    break

    assert missed == []
    assert tried > 0


@pytest.mark.parametrize("table", TABLES)
def test_a_row_taken_out_is_refused_or_found(books: Ledger, table: str) -> None:
    silent = []
    for row in () if Watched.all[table].rows else rows_of(table):
        statement = f"DELETE FROM {table} WHERE ctid = '{row}'"
        if unnoticed(books, table, statement, *checks_of(table))[1]:
            silent.append(statement)

    assert silent == []


@pytest.mark.parametrize("table", TABLES)
def test_a_row_put_in_is_refused_or_found(books: Ledger, table: str) -> None:
    """A twin of a row, with another identity."""
    unique, silent = unique_columns(table), []
    for row in () if Watched.all[table].rows else rows_of(table):
        values = {each.name: f'"{each.name}"' for each in columns(table) if each.writable}
        for each in columns(table):
            if each.name in unique and each.others():
                values[each.name] = each.others()[0]
        names = ", ".join(f'"{name}"' for name in values)
        statement = (
            f"INSERT INTO {table} ({names}) OVERRIDING SYSTEM VALUE"
            f" SELECT {', '.join(values.values())} FROM {table} WHERE ctid = '{row}'"
        )
        if unnoticed(books, table, statement, *checks_of(table))[1]:
            silent.append(statement)

    assert silent == []
