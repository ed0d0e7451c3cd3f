"""Rows and the unit of work: what a plan sees, and what it leaves behind.

A *store* knows how one kind of row is read under lock and written back. A *unit* is one command's view: it copies a
row when the plan first asks for it, so a refused command leaves no trace in the rows that the rest of its batch sees.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self, TypeVar
from uuid import UUID

from ledger_project.kernel import ids
from ledger_project.kernel.errors import Refusal
from ledger_project.log.caller import Caller
from ledger_project.log.lock_order import LockOrder

if TYPE_CHECKING:
    from ledger_project.log.command import Command

R = TypeVar("R", bound="Row")


LEAST = timedelta(microseconds=1)  # between two batches that meet at a row
PROMISED = frozenset({"effective_at", "expires_at", "taken_at"})  # times that somebody named, not those of a change


@dataclass(slots=True, kw_only=True, eq=False)
class Row:
    """A row in memory; `changed` rows are written when their command is accepted.

    `times` are the attributes that say when something was done to it: those that end in `_at` and are not PROMISED,
    unless the class says otherwise.
    """

    store: ClassVar["Store"]
    times: ClassVar[tuple[str, ...]] = ()
    by_meaning: ClassVar[bool] = False  # whether its names are loaded, and looked up, as they are folded

    new: bool = False
    changed: bool = False

    @property
    def key(self) -> Hashable:
        raise NotImplementedError

    def copy(self) -> Self:
        raise NotImplementedError

    def belongs_to(self, caller: Caller) -> bool:
        """Whether an account's own key may name this row; what does not say so is the tenant's."""
        return False


Query = tuple[str, Sequence[Any]]


Look = Callable[[str, Sequence[Any]], list[Any]]


@dataclass
class Wants:
    """The rows that a batch refers to, by kind.

    `slot` chooses the stripe of accounts that have several; `committed` is false inside a caller's own transaction;
    `revision` is that of the rules it is planned by (rules.py); `facts` is what `prepare` found out.
    """

    tenant: int
    slot: int
    committed: bool
    revision: int = 0
    refs: dict[str, set[Any]] = field(default_factory=dict)
    facts: dict[Any, Any] = field(default_factory=dict)

    def add(self, kind: str, ref: Any) -> None:
        """Raises LookupError for a kind that no store reads: its rows would be used without a lock."""
        if kind not in Store.known and kind not in Store.leading:
            raise LookupError(f"no store reads rows of the kind {kind!r}")
        self.refs.setdefault(kind, set()).add(ref)


class Store:
    """How one kind of row is found, locked and written. Rows are locked by the `rank` of their stores, each its own.

    A store is asked only where a batch wants one of its `kinds` of references.
    """

    rank: ClassVar[LockOrder]
    row: ClassVar[type[Row]]
    kinds: ClassVar[frozenset[str]]
    leads: ClassVar[frozenset[str]] = frozenset()  # further kinds, for which alone it is not asked
    in_parts: ClassVar[bool] = False  # whether a row may be written when half of its batch has been planned
    all: ClassVar[list["Store"]] = []
    leading: ClassVar[frozenset[str]] = frozenset()  # the `leads` of all
    known: ClassVar[dict[str, "Store"]] = {}  # by the kinds of references, the first that reads them

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "row" not in vars(cls):  # a kind of store
            return
        cls.row.store = cls()
        if "times" not in vars(cls.row):
            slots = {name for kind in cls.row.__mro__ for name in getattr(kind, "__slots__", ())}
            cls.row.times = tuple(sorted(name for name in slots - PROMISED if name.endswith("_at")))
        twin = next((store for store in Store.all if store.rank is cls.rank), None)
        if twin:
            raise TypeError(f"{cls.__name__} and {type(twin).__name__} have one place in the lock order: {cls.rank!r}")
        Store.all = sorted([*Store.all, cls.row.store], key=lambda store: store.rank)
        Store.leading |= cls.leads
        Store.known = {kind: store for store in reversed(Store.all) for kind in store.kinds}

    def takes_part(self, wants: Wants) -> bool:
        return not self.kinds.isdisjoint(wants.refs)

    def prepare(self, wants: Wants, look: Look) -> None:
        """Before any lock: turn names into ids, and want what wanted rows refer to. `look` reads; facts only."""

    def reading(self, wants: Wants) -> Query | None:
        """The statement that locks and reads what is wanted, or None where nothing of this kind is."""
        return None

    def load(self, records: Iterable[Sequence[Any]], batch: "Batch", wants: Wants) -> None:
        """Put the rows of that statement into the batch, under every name that plans look them up by."""

    def writing(self, rows: list[Any], tenant: int, now: datetime) -> Iterable[Query]:
        """Statements, each fit to be one WITH query, that write the changed rows of one batch."""
        return ()

    def written(self, rows: list[Any]) -> None:
        """Called once those rows, all of them new, are committed."""


class Described(Protocol):
    """What an event carries besides its own fields: the journal's entry."""

    def document(self) -> dict[str, Any]: ...


class Batch:
    """The locked rows of all commands that are executed together, each under its key; names lead to keys."""

    def __init__(self, now: datetime, facts: Mapping[Any, Any]) -> None:
        self.now = now
        self.facts = facts  # those of its `Wants`
        self.rows: dict[tuple[type, Hashable], Any] = {}
        self.names: dict[tuple[type, Hashable], Hashable] = {}

    def load(self, row: Row, *names: Hashable) -> None:
        self.rows[type(row), row.key] = row
        for name in names:
            self.names[type(row), name] = row.key
        for name in row.times:
            moment = getattr(row, name)
            if moment is not None:
                self.come_after(moment)

    def come_after(self, moment: datetime) -> None:
        """Be later than what was done to a row before: the database's clock may have been set back since."""
        if moment >= self.now:
            self.now = moment + LEAST

    def absorb(self, unit: "Unit") -> None:
        self.rows.update(unit.rows)
        self.names.update(unit.names)


class Unit:
    """One command at work on the rows of its batch. `asks` are refusals of what every command of its kind asks."""

    asks: ClassVar[tuple[type[Refusal], ...]] = ()

    def __init__(self, batch: Batch, *, tenant: int, event_id: UUID, caller: Caller, command: "Command") -> None:
        self.batch = batch
        self.tenant = tenant
        self.event_id = event_id
        self.caller = caller
        self.command = command
        self.now = batch.now
        self.rows: dict[tuple[type, Hashable], Any] = {}
        self.names: dict[tuple[type, Hashable], Hashable] = {}
        self.hidden: set[tuple[type, Hashable]] = set()
        self.entry: Described | None = None
        self.result: dict[str, Any] = {}
        self._made = 0

    def find(self, kind: type[R], name: Hashable) -> R | None:
        """This command's copy of a locked row, by its key or a name, or None where there is no such row."""
        label = (kind, name)
        key = (kind, self.names.get(label) or self.batch.names.get(label) or name)
        if key in self.hidden:
            return None
        mine: R | None = self.rows.get(key)
        if mine is None:
            shared = self.batch.rows.get(key)
            if shared is None:
                return None
            mine = self.rows[key] = shared.copy()
        return mine

    def known(self, kind: type[R]) -> list[R]:
        """This command's copies of all locked rows of a kind."""
        found = (self.find(kind, key) for row, key in list(self.batch.rows) if row is kind)
        return [row for row in found if row is not None]

    def keep_within(self, arguments: Mapping[str, Any]) -> None:
        """Show an account's own key no row of others: what its arguments name and it may not see is not there."""
        for name, form in self.command.fields.items():
            if arguments[name] is None:
                continue
            for kind, ref in form.wants(arguments[name]):
                store = Store.known.get(kind)
                row = self.find(store.row, ref) if store else None
                if store and row is not None and not row.belongs_to(self.caller):
                    self.hidden.add((store.row, row.key))

    def add(self, row: R, *names: Hashable) -> R:
        """A new row, found from now on under its key and its names."""
        row.new = row.changed = True
        self.rows[type(row), row.key] = row
        for name in names:
            self.names[type(row), name] = row.key
        return row

    def new_id(self) -> UUID:
        """An id for a row that this command makes; the first is the event's own."""
        self._made += 1
        return self.event_id if self._made == 1 else ids.make(self.now, self._made)

    def finish(self) -> None:
        """Called once the plan has returned: what is left to say about it all."""
