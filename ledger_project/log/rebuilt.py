"""Rebuilt tables: every row that commands write, made anew from events, and held against what is stored.

An app declares each of its tables once, beside the rows that it writes, and says of every column where it comes from:
an expression over what the log tells (`columns`), the name of another check that holds it (`held`), or why no event
says it (`apart`). A column that is in none of them fails a test, and so does a table that nobody declares.

One query compares a table. PostgreSQL reads the events of its types, never the transfers, joins them with the rows and
passes on what differs as it finds it, so that neither side is ever in this process's memory.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from django.db import connection
from django.db.models import Model

from ledger_project.log.checks import Check, Comparison, Scope
from ledger_project.log.models import TRANSFER

NOTHING, ROW = "nothing", "a row"


@dataclass(frozen=True)
class Told:
    """What the log says of a table: a query with `tenant_id` and whatever the table's expressions name.

    `in_part`: each of its rows is whole in the events since the last verified point, so an incremental replay looks at
    these rows alone; of other tables it looks at everything.
    """

    query: Callable[[Scope], str]
    in_part: bool = False


@dataclass(frozen=True)
class Column:
    """One column's value in SQL, over what is told. `stored` stands for it where it is compared by something else.

    `where_told`: the log does not always say it, and then nothing is compared.
    """

    told: str
    stored: str = ""
    where_told: bool = False

    def kind(self, type: str) -> str:
        """The type that it is compared as."""
        return "text" if self.stored else type


@dataclass(frozen=True, kw_only=True)
class Watched:
    """A table, and by what each of its columns is watched.

    `why` is the reason where a whole table is apart; `rows` says why its rows may come or go unnoticed.
    """

    table: str
    check: str = ""
    rebuilt: frozenset[str] = frozenset()
    held: Mapping[str, str] = field(default_factory=dict)
    apart: Mapping[str, str] = field(default_factory=dict)
    why: str = ""
    rows: str = ""

    all: ClassVar[dict[str, "Watched"]] = {}

    def __post_init__(self) -> None:
        if self.table in Watched.all:
            raise ValueError(f"{self.table} is declared twice")
        Watched.all[self.table] = self

    def by(self, column: str) -> str | None:
        """The check that holds a column; "" where it is apart, None where nobody has said anything about it."""
        if self.why or column in self.apart:
            return ""
        return self.held.get(column) or (self.check if column in self.rebuilt else None)


def leave_apart(tables: Mapping[str, str]) -> None:
    """Tables of which the log says nothing, with the reason why."""
    for table, why in tables.items():
        Watched(table=table, why=why)


def rebuild(
    check: Check,
    model: type[Model],
    told: Told,
    *,
    columns: Mapping[str, str | Column],
    key: tuple[str, ...] = ("id",),
    prefix: str = "",
    held: Mapping[str, str] | None = None,
    apart: Mapping[str, str] | None = None,
    where: str = "TRUE",
    rows: str = "",
) -> None:
    """Declare a table that is held to the log, row by row and column by column.

    `prefix` is that of the rows' public ids; `where` says which rows are compared, where others are another check's;
    `rows` why one that is told of may have been forgotten meanwhile. A column that is `apart` may be among `columns`:
    then it is compared as far as events say it.
    """
    compared = {name: each if isinstance(each, Column) else Column(each) for name, each in columns.items()}
    names = {name for name in _types(model) if name == "tenant_id"} | compared.keys()
    Watched(
        table=model._meta.db_table,
        check=check.name,
        rebuilt=frozenset(names),
        held=held or {},
        apart=apart or {},
        rows=rows,
    )
    Comparison((check,), _Rows(check, model, told, compared, key, prefix, where, complete=not rows).query)


@dataclass(frozen=True)
class _Rows:
    """The query that compares one table."""

    check: Check
    model: type[Model]
    told: Told
    columns: Mapping[str, Column]
    key: tuple[str, ...]
    prefix: str
    where: str
    complete: bool

    def query(self, scope: Scope) -> str:
        if not self.told.in_part:
            scope = Scope(scope.tenant)
        table, kinds = self.model._meta.db_table, _types(self.model)
        whole = {"tenant_id": Column("told.tenant_id"), **self.columns}
        told = ", ".join(f'({each.told})::{each.kind(kinds[name])} AS "{name}"' for name, each in whole.items())
        stored = ", ".join(
            f"{each.stored or f'stored.{_quoted(name)}'} AS {_quoted(name)}" for name, each in whole.items()
        )
        judged = {name: each for name, each in whole.items() if name not in self.key}
        pairs = ", ".join(f"""('{name}', stored."{name}"::text, told."{name}"::text)""" for name in judged)
        return f"""
WITH told AS (
    SELECT {told}, true AS here FROM ({self.told.query(scope)}) AS told
), stored AS (
    SELECT {stored}, true AS here FROM {table} AS stored WHERE {scope.of("stored.tenant_id")} AND ({self.where})
)
SELECT '{self.check.name}', coalesce(told.tenant_id, stored.tenant_id), '{table} ' || {self._shown()} || part.label,
       coalesce(part.stored, '{NOTHING}'), coalesce(part.told, '{NOTHING}'), NULL
  FROM stored {self._join(scope)} JOIN told USING ({", ".join(self.key)})
 CROSS JOIN LATERAL (
       SELECT '', CASE WHEN stored.here THEN '{ROW}' END, CASE WHEN told.here THEN '{ROW}' END
        WHERE stored.here IS NULL OR told.here IS NULL
        UNION ALL
       SELECT ' ' || pair.label, pair.stored, pair.told FROM (VALUES {pairs}) AS pair (label, stored, told)
        WHERE stored.here AND told.here AND pair.stored IS DISTINCT FROM pair.told{self._spoken()}
       ) AS part (label, stored, told)
 WHERE stored.here IS NULL OR told.here IS NULL OR {" OR ".join(map(self._differs, judged))}
 ORDER BY 2, 3
"""

    def _join(self, scope: Scope) -> str:
        """What is not told of in a part of the log is no row too many; what may be forgotten is none too few."""
        if scope.incremental:
            return "RIGHT" if self.complete else "INNER"
        return "FULL" if self.complete else "LEFT"

    def _differs(self, name: str) -> str:
        """Cheaper than the texts of all columns, which are made only of rows that differ."""
        condition = f'stored."{name}" IS DISTINCT FROM told."{name}"'
        silent = name in self.columns and self.columns[name].where_told
        return f'({condition} AND told."{name}" IS NOT NULL)' if silent else condition

    def _spoken(self) -> str:
        silent = ", ".join(f"'{name}'" for name, each in self.columns.items() if each.where_told)
        return f" AND (pair.told IS NOT NULL OR pair.label NOT IN ({silent}))" if silent else ""

    def _shown(self) -> str:
        first, *rest = self.key
        shown = f"'{self.prefix}_' || replace({first}::text, '-', '')" if self.prefix else f"{first}::text"
        return " || '/' || ".join([shown, *(f"{name}::text" for name in rest)])


def _types(model: type[Model]) -> dict[str, str]:
    """The columns of a model with their types."""
    fields: Any = model._meta.local_concrete_fields
    return {each.column: kind for each in fields if each.column and (kind := each.db_type(connection))}


def _quoted(name: str) -> str:
    return f'"{name}"'


def events(scope: Scope, *types: str) -> str:
    """The events in scope of these types, to select from; `hold.*` is every type that begins so."""
    exact = ", ".join(f"'{each}'" for each in types if not each.endswith("*"))
    like = [f"event.type LIKE '{each[:-1]}%%'" for each in types if each.endswith("*")]
    named = " OR ".join([*([f"event.type IN ({exact})"] if exact else []), *like])
    return (
        f"(SELECT event.* FROM {scope.events} AS event"
        f" WHERE event.type <> '{TRANSFER}' AND ({named}) AND {scope.of('event.tenant_id')})"
    )


def each(*types: str, noun: str = "") -> Told:
    """One row of every event: `id`, `recorded_at`, `payload`, `result`, and `state`, which is the result's `noun`."""
    state = f", event.result -> '{noun}' AS state" if noun else ""
    return Told(lambda scope: f"SELECT event.*{state} FROM {events(scope, *types)} AS event", in_part=True)


def last(nouns: str, *types: str) -> Told:
    """The last event of everything that events tell the whole state of, under one of these nouns of their results.

    `id` is its own, `state` what the last event says, `given` the payload of the event that made it, whose id it has.
    """
    parts = [f"event.result -> '{noun}'" for noun in nouns.split()]
    state = parts[0] if len(parts) == 1 else f"coalesce({', '.join(parts)})"

    def query(scope: Scope) -> str:
        return f"""
            SELECT latest.*, made.payload AS given FROM (
                   SELECT DISTINCT ON (id) tenant_id, id, event, recorded_at, state FROM (
                          SELECT event.tenant_id, event.id AS event, event.recorded_at, {state} AS state,
                                 substr({state} ->> 'id', 5)::uuid AS id
                            FROM {events(scope, *types)} AS event WHERE {state} ->> 'id' IS NOT NULL) AS each
                    ORDER BY id, event DESC) AS latest
              LEFT JOIN log_event AS made ON made.id = latest.id AND made.tenant_id = latest.tenant_id"""

    return Told(query, in_part=True)


def said(*names: str, of: str = "state") -> dict[str, str | Column]:
    """Columns that are called in the document what they are called in the table."""
    return {name: f"{of} ->> '{name}'" for name in names}


def ref(name: str, of: str = "state") -> str:
    """The id behind a public id in a document."""
    return f"substr({of} ->> '{name}', 5)"
