"""Columns, declared once: from the fields of a row come its statements, its copy, its document and its replay.

    @stored
    class ParcelRow(StoredRow):
        id: UUID = column(public="par")
        account: UUID = column("account_id", public="acc")
        currency: str = column(joined="account.currency")
        amount: int = money()
        status: str = column(changes=True)

    class ParcelStore(TableStore):
        rank, row, kinds = LockOrder.PARCEL, ParcelRow, frozenset({"parcel"})
        table = "shop_parcel"
        joins = "JOIN shop_account AS account ON account.id = stored.account_id"

A field that is no column is the command's own working memory, and is not stored. Statements of a kind of its own (other
conditions, other tables) are written by hand beside the store.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, field, fields
from datetime import date, datetime
from enum import IntEnum
from functools import reduce
from types import NoneType
from typing import Any, ClassVar, Generic, Self, TypeVar, dataclass_transform, get_args, get_origin, get_type_hints
from uuid import UUID

from ledger_project.kernel import clock, ids
from ledger_project.kernel.canonical import plain
from ledger_project.log.documents import load_json
from ledger_project.log.unit import Batch, Query, Row, Store, Wants

T = TypeVar("T")
R = TypeVar("R", bound="StoredRow")

NUMERIC = "numeric"  # amounts in minor units: strings in documents
_TYPES: dict[Any, str] = {
    UUID: "uuid",
    str: "text",
    bool: "bool",
    int: "integer",
    datetime: "timestamptz",
    date: "date",
    bytes: "bytea",
    list: "jsonb",
    dict: "jsonb",
}
_MUTABLE = (list, dict, set)


@dataclass(frozen=True, slots=True)
class _Declared:
    """What `column` was told; the rest of a column is in the field's annotation."""

    column: str
    type: str
    public: str
    shown: bool | str
    changes: bool
    joined: str
    read: bool


def column(
    name: str = "",
    *,
    type: str = "",
    public: str = "",
    shown: bool | str = True,
    changes: bool = False,
    joined: str = "",
    read: bool = True,
    default: Any = MISSING,
    default_factory: Any = MISSING,
) -> Any:
    """A field that is stored.

    `name`: the column's, where it is not the field's. `type`: PostgreSQL's, where the annotation does not say it.
    `public`: the prefix of the ids that documents show. `shown`: whether documents do, or under which name.
    `changes`: whether it is written again. `joined`: an expression over `stored` and the joins, which is read and never
    written. `read`: whether commands read it; what is long they do not.
    """
    declared = _Declared(name, type, public, shown, changes, joined, read)
    return field(default=default, default_factory=default_factory, metadata={_Declared: declared})


def money(
    name: str = "",
    *,
    shown: bool | str = True,
    changes: bool = False,
    default: Any = MISSING,
) -> Any:
    """A stored number of minor units."""
    return column(name, type=NUMERIC, shown=shown, changes=changes, default=default)


@dataclass_transform(kw_only_default=True, field_specifiers=(column, money, field))
def stored(cls: type[T]) -> type[T]:
    """A row whose columns are its fields; it is made with keywords."""
    return dataclass(slots=True, kw_only=True, eq=False)(cls)


@dataclass(frozen=True, slots=True)
class Column:
    """One field and its column: how it is sent, read and shown."""

    name: str
    column: str
    type: str
    kind: Any
    public: str
    shown: str
    changes: bool
    joined: str
    read: bool
    needed: bool  # to make a row

    @classmethod
    def of(cls, each: Field[Any], annotation: Any) -> Self:
        declared: _Declared = each.metadata[_Declared]
        kind = next((part for part in get_args(annotation) if part is not NoneType), annotation)
        kind = annotation if get_origin(annotation) in _MUTABLE else kind
        plain = get_origin(kind) or kind
        is_choice = isinstance(plain, type) and issubclass(plain, IntEnum)
        return cls(
            name=each.name,
            column=declared.column or each.name,
            type=declared.type or ("smallint" if is_choice else _TYPES[plain]),
            kind=plain,
            public=declared.public,
            shown=declared.shown if isinstance(declared.shown, str) else each.name if declared.shown else "",
            changes=declared.changes,
            joined=declared.joined,
            read=declared.read,
            needed=each.default is MISSING and each.default_factory is MISSING,
        )

    @property
    def quoted(self) -> str:
        return f'"{self.column}"'

    @property
    def source(self) -> str:
        """What is selected."""
        return self.joined or f"stored.{self.quoted}"

    @property
    def array(self) -> str:
        """The parameter that has this column of many rows. Numbers travel as text, which has one type at every size."""
        if self.type == NUMERIC:
            return "%s::text[]::numeric[]"
        return "%s::text[]" if self.cast else f"%s::{self.type}[]"

    @property
    def cast(self) -> str:
        """What follows one value of that array. Arrays in arrays have no type of their own, so they travel as text."""
        return f"::{self.type}" if self.type == "jsonb" or self.type.endswith("[]") else ""

    def sent(self, values: list[Any]) -> list[Any]:
        send = self._send()
        return values if send is None else [None if value is None else send(value) for value in values]

    def _send(self) -> Callable[[Any], Any] | None:
        if self.type == "jsonb":
            return plain
        if self.type.endswith("[]"):
            return lambda values: "{" + ",".join(map(str, values)) + "}"
        if self.type == NUMERIC:
            return str
        return int if self.type == "smallint" else None

    @property
    def load(self) -> Callable[[Any], Any] | None:
        """What makes a value of what was read, where it is not one already."""
        if self.type == "jsonb":
            return load_json
        if self.type == NUMERIC:
            return int
        return self.kind if self.kind is bytes or self.type == "smallint" else None

    @property
    def show(self) -> Callable[[Any], Any] | None:
        """What makes a document's value."""
        if self.public:
            prefix = self.public
            if self.type.endswith("[]"):
                return lambda values: [ids.show(prefix, value) for value in values]
            return lambda value: ids.show(prefix, value)
        if issubclass(self.kind, IntEnum):
            return lambda value: value.label
        if self.kind is datetime:
            return clock.stamp
        if self.kind is date:
            return date.isoformat
        if self.type == NUMERIC:
            return str
        return None

    @property
    def told(self) -> str:
        """The column's value in a document called `state`, in SQL."""
        return f"substr(state ->> '{self.shown}', 5)" if self.public else f"state ->> '{self.shown}'"


class StoredRow(Row):
    """A row whose fields are declared with `column`."""

    __slots__ = ()
    columns: ClassVar["Columns[Any]"]

    @property
    def key(self) -> Hashable:
        return self.id  # type: ignore[attr-defined]

    @property
    def names(self) -> tuple[Hashable, ...]:
        """What it is looked up by, besides its key."""
        return ()

    def copy(self) -> Self:
        row = object.__new__(type(self))
        for name in self.columns.fields:
            setattr(row, name, getattr(self, name))
        for name in self.columns.mutable:
            value = getattr(row, name)
            setattr(row, name, value and value.copy())
        return row

    def document(self) -> dict[str, Any]:
        """The row as the log keeps it and the API shows it."""
        return self.shown()

    def shown(self) -> dict[str, Any]:
        """Its columns, but those that are not shown."""
        document = {}
        for name, shown, show in self.columns.shown:
            value = getattr(self, name)
            document[shown] = value if value is None or show is None else show(value)
        return document


class Columns(Generic[R]):
    """The columns of one kind of row, and what follows from them."""

    def __init__(self, row: type[R], table: str, joins: str, key: tuple[str, ...]) -> None:
        hints: Mapping[str, Any] = get_type_hints(row)
        every = fields(row)
        self.row, self.table = row, table
        self.fields = tuple(each.name for each in every)
        self.mutable = tuple(name for name in self.fields if _is_mutable(hints[name]))
        self.all = tuple(Column.of(each, hints[each.name]) for each in every if _Declared in each.metadata)
        self.shown = tuple((each.name, each.shown, each.show) for each in self.all if each.shown)
        self.stored = tuple(each for each in self.all if not each.joined)
        read = [each for each in self.all if each.read]
        self.selected = ", ".join(each.source for each in read)
        self.source = f"{table} AS stored {joins}"
        self.select = f"SELECT {self.selected} FROM {self.source}"
        self._names = tuple(each.name for each in read)
        self._loads = tuple((place, each.load) for place, each in enumerate(read) if each.load)
        self._key = key
        self._order = ", ".join(f"stored.{name}" for name in key)
        self._rewritten = tuple(each for each in self.stored if each.column in key or each.changes)
        self._insert = self._make_insert()
        self._update = self._make_update()

    def _make_insert(self) -> str:
        names = ", ".join(each.quoted for each in self.stored)
        values = ", ".join(each.quoted + each.cast for each in self.stored)
        arrays = ", ".join(each.array for each in self.stored)
        return (
            f"INSERT INTO {self.table} (tenant_id, {names}) SELECT %s, {values} FROM unnest({arrays}) AS new ({names})"
        )

    def _make_update(self) -> str:
        changing = ", ".join(f"{each.quoted} = new.{each.quoted}{each.cast}" for each in self.stored if each.changes)
        names = ", ".join(each.quoted for each in self._rewritten)
        arrays = ", ".join(each.array for each in self._rewritten)
        found = " AND ".join(f"old.{name} = new.{name}" for name in self._key)
        return f"UPDATE {self.table} AS old SET {changing} FROM unnest({arrays}) AS new ({names}) WHERE {found}"

    def locked(self, tenant: int, condition: str, *parameters: Any) -> Query:
        """The statement that locks and reads a tenant's rows, in the order of their keys."""
        where = f"WHERE stored.tenant_id = %s AND {condition} ORDER BY {self._order} FOR NO KEY UPDATE OF stored"
        return f"{self.select} {where}", (tenant, *parameters)

    def read(self, record: Sequence[Any]) -> R:
        """A row of `select`."""
        values = list(record)
        for place, load in self._loads:
            if values[place] is not None:
                values[place] = load(values[place])
        return self.row(**dict(zip(self._names, values, strict=True)))

    def of(self, model: Any) -> R:
        """The row that a model's instance is; what is joined and shown is found by its name: `account.currency`."""
        given = {}
        for each in self.all:
            if each.read and (each.shown or not each.joined or each.needed):
                value = reduce(getattr, (each.joined or each.column).split("."), model)
                given[each.name] = value if value is None or each.load is None else each.load(value)
        return self.row(**given)

    def insert(self, rows: Sequence[R], tenant: int) -> Query:
        return self._insert, (tenant, *_arrays(self.stored, rows))

    def update(self, rows: Sequence[R]) -> Query:
        return self._update, _arrays(self._rewritten, rows)

    def update_one(self, row: R, tenant: int) -> Query:
        """Of a table that has one row for each tenant."""
        changing = [each for each in self.stored if each.changes]
        values = [each.sent([getattr(row, each.name)])[0] for each in changing]
        assignments = ", ".join(f"{each.quoted} = %s{each.cast}" for each in changing)
        return f"UPDATE {self.table} SET {assignments} WHERE tenant_id = %s", (*values, tenant)

    def told(self) -> dict[str, str]:
        """What a document says of each column, for replay."""
        return {each.column: each.told for each in self.stored if each.shown}


def insert_all(table: str, columns: str, rows: Sequence[Sequence[Any]], tenant: int) -> Query:
    """The statement that adds rows without a class of their own: `columns` as in "entry_id uuid, amount numeric"."""
    declared = [each.split() for each in columns.split(", ")]
    names = ", ".join(name for name, _ in declared)
    arrays = ", ".join("%s::text[]::numeric[]" if type == NUMERIC else f"%s::{type}[]" for _, type in declared)
    values = [
        [None if row[place] is None else str(row[place]) if type == NUMERIC else row[place] for row in rows]
        for place, (_, type) in enumerate(declared)
    ]
    return f"INSERT INTO {table} (tenant_id, {names}) SELECT %s, * FROM unnest({arrays})", (tenant, *values)


def _is_mutable(annotation: Any) -> bool:
    return any((get_origin(part) or part) in _MUTABLE for part in (annotation, *get_args(annotation)))


def _arrays(columns: Sequence[Column], rows: Sequence[Any]) -> list[list[Any]]:
    return [each.sent([getattr(row, each.name) for row in rows]) for each in columns]


class TableStore(Store):
    """A store whose rows have declared columns.

    `table` is where they are, `joins` what their joined columns need, `key_columns` what they are found and locked by.
    Without methods of its own it locks rows by their ids, wanted as its only kind.
    """

    table: ClassVar[str]
    joins: ClassVar[str] = ""
    key_columns: ClassVar[tuple[str, ...]] = ("id",)
    columns: ClassVar[Columns[Any]]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "row" not in vars(cls):
            return
        cls.columns = cls.row.columns = Columns(cls.row, cls.table, cls.joins, cls.key_columns)  # type: ignore[attr-defined]

    def reading(self, wants: Wants) -> Query | None:
        (kind,) = self.kinds
        keys = wants.refs.get(kind)
        if not keys:
            return None
        return self.columns.locked(wants.tenant, f"stored.{self.key_columns[0]} = ANY(%s::uuid[])", list(keys))

    def load(self, records: Iterable[Sequence[Any]], batch: Batch, wants: Wants) -> None:
        for record in records:
            row = self.columns.read(record)
            batch.load(row, *row.names)

    def writing(self, rows: list[Any], tenant: int, now: datetime) -> Iterable[Query]:
        new, changed = [row for row in rows if row.new], [row for row in rows if not row.new]
        if new:
            yield self.columns.insert(new, tenant)
        if changed:
            yield self.columns.update(changed)


class OneRowStore(TableStore):
    """A store of which a tenant has one row; two that make it at once meet at its key, and the later looks again."""

    key_columns = ("tenant_id",)

    def reading(self, wants: Wants) -> Query | None:
        return self.columns.locked(wants.tenant, "TRUE")

    def writing(self, rows: list[Any], tenant: int, now: datetime) -> Iterable[Query]:
        for row in rows:
            yield self.columns.insert([row], tenant) if row.new else self.columns.update_one(row, tenant)
