"""Monitors as the executor sees them: what is watched, and which entries crossed the line.

A monitor compares one bucket of one account with a value. An entry crosses it when the comparison is false before the
entry and true after it; both balances are the entry's own, so whether it did is the same question at any time.
"""

import operator
from collections.abc import Callable, Iterable, Sequence
from dataclasses import astuple, dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from accounts.rows import DEBIT_NORMAL, Bucket, account_key, look_up
from ledger_project.kernel import ids
from ledger_project.log.caller import Caller
from ledger_project.log.lock_order import LockOrder
from ledger_project.log.table import StoredRow, TableStore, column, insert_all, money, stored
from ledger_project.log.unit import Batch, Look, Query, Wants

SLOTS = 20  # monitors of one account
OPERATORS: dict[str, Callable[[int, int], bool]] = {
    "lt": operator.lt,
    "lte": operator.le,
    "gt": operator.gt,
    "gte": operator.ge,
    "eq": operator.eq,
}


@dataclass(frozen=True, slots=True)
class Move:
    """What one entry did to one bucket of one account: the balance before and after, the last posting's version.

    Of an unbounded account the balances are those of single stripes, and only `delta` says something about the whole.
    """

    before: int
    after: int
    version: int
    delta: int


def moves_of(postings: Iterable[Sequence[Any]]) -> dict[tuple[UUID, int], Move]:
    """The moves of one entry, by account and bucket.

    A posting is given as account, its type, bucket, amount, balance after and version, in the entry's order.
    """
    moves: dict[tuple[UUID, int], Move] = {}
    for account, type, bucket, amount, after, version in postings:
        earlier = moves.get((account, bucket))
        delta = amount if (type in DEBIT_NORMAL) != (bucket == Bucket.CREDIT_USED) else -amount
        moves[account, bucket] = (
            Move(after - delta, after, version, delta)
            if earlier is None
            else Move(earlier.before, after, version, earlier.delta + delta)
        )
    return moves


def crosses(name: str, value: int, before: int, after: int) -> bool:
    """Whether a comparison is false before and true after."""
    holds = OPERATORS[name]
    return not holds(before, value) and holds(after, value)


@stored
class MonitorRow(StoredRow):
    """A monitor. The last fields are about the entries that a command names."""

    id: UUID = column(public="mon")
    account: UUID = column("account_id", public="acc")
    name: str = column(joined="account.name")
    bucket: Bucket = column()
    operator: str = column()
    value: int = money()
    currency: str = column(joined="account.currency")
    scale: int = column(joined="account.scale")
    created_at: datetime = column()
    triggered_at: datetime | None = column(changes=True, default=None)
    deleted_at: datetime | None = column(changes=True, default=None)
    unbounded: bool = column(joined="account.unbounded", shown=False, default=False)
    slot: int | None = column(type="smallint", changes=True, shown=False)
    triggered: set[UUID] = field(default_factory=set)  # entries that crossed it and were told of
    moves: dict[UUID, Move] = field(default_factory=dict)  # what entries did to the watched bucket
    crossings: list["Crossing"] = field(default_factory=list)  # new ones

    def belongs_to(self, caller: Caller) -> bool:
        return self.account == caller.account


@dataclass(frozen=True, slots=True)
class Crossing:
    """An entry that crossed a monitor, and the event that says so."""

    event: UUID
    monitor: UUID
    entry: UUID
    before: int
    after: int
    version: int

    def document(self) -> dict[str, Any]:
        return {
            "entry": ids.show("ent", self.entry),
            "event": ids.show("evt", self.entry),
            "balance_before": str(self.before),
            "balance": str(self.after),
            "version": self.version,
        }


class MonitorStore(TableStore):
    """Monitors are locked before everything that holds money; entries are facts and need no lock."""

    rank = LockOrder.MONITOR
    row = MonitorRow
    kinds = frozenset({"monitor", "monitors_of", "crossing_entry"})
    leads = frozenset({"monitored"})
    table = "journal_monitor"
    joins = "JOIN accounts_account AS account ON account.id = stored.account_id"

    def prepare(self, wants: Wants, look: Look) -> None:
        """A want `monitors_of` is every monitor of an account; `crossing_entry` an entry that a monitor is told of."""
        refs = {account_key(ref) for ref in wants.refs.get("monitors_of", ())}
        if refs:
            for facts in look_up(wants.tenant, refs, look, remember=wants.committed).values():
                wants.add("monitored", facts.id)
        entries = list(wants.refs.get("crossing_entry", ()))
        if entries:
            legs: dict[UUID, list[Any]] = {entry: [] for entry in entries}
            for entry, *leg in look(_LEGS, (wants.tenant, entries)):
                legs[entry].append(leg)
            wants.facts[MonitorRow] = {entry: moves_of(of_entry) for entry, of_entry in legs.items()}

    def reading(self, wants: Wants) -> Query | None:
        keys, accounts = wants.refs.get("monitor", set()), wants.refs.get("monitored", set())
        if not keys and not accounts:
            return None
        condition = "stored.deleted_at IS NULL AND (stored.id = ANY(%s::uuid[]) OR stored.account_id = ANY(%s::uuid[]))"
        statement, values = self.columns.locked(wants.tenant, condition, list(keys), list(accounts))
        told = statement.replace(self.columns.selected, f"{self.columns.selected}, {_TOLD}", 1)
        return told, (list(wants.refs.get("crossing_entry", ())), *values)

    def load(self, records: Iterable[Sequence[Any]], batch: Batch, wants: Wants) -> None:
        entries = wants.facts.get(MonitorRow, {})
        for *record, triggered in records:
            row = self.columns.read(record)
            row.triggered = set(triggered)
            place = row.account, row.bucket
            row.moves = {entry: moves[place] for entry, moves in entries.items() if place in moves}
            batch.load(row, ("slot", row.account, row.slot))

    def writing(self, rows: list[MonitorRow], tenant: int, now: datetime) -> Iterable[Query]:
        yield from super().writing(rows, tenant, now)
        crossings = [astuple(crossing) for row in rows for crossing in row.crossings]
        if crossings:
            yield insert_all(
                "journal_crossing",
                "event uuid, monitor_id uuid, entry uuid, balance_before numeric, balance numeric, version bigint",
                crossings,
                tenant,
            )


_TOLD = """
ARRAY(SELECT crossing.entry FROM journal_crossing AS crossing
       WHERE crossing.monitor_id = stored.id AND crossing.entry = ANY(%s::uuid[]))
"""
_LEGS = """
SELECT posting.entry_id, posting.account_id, account.type, posting.bucket, posting.amount, posting.balance_after,
       posting.version
  FROM journal_posting AS posting
  JOIN journal_entry AS entry ON entry.id = posting.entry_id
  JOIN accounts_account AS account ON account.id = posting.account_id
 WHERE entry.tenant_id = %s AND posting.entry_id = ANY(%s::uuid[])
 ORDER BY posting.entry_id, posting.seq
"""
