"""Monitors as the executor sees them: what is watched, and which entries crossed the line.

A monitor compares one bucket of one account with a value. An entry crosses it when the comparison is false before the
entry and true after it; both balances are the entry's own, so whether it did is the same question at any time.
"""

import operator
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from accounts.rows import DEBIT_NORMAL, Bucket, account_key, look_up
from ledger_project.kernel import clock, ids
from ledger_project.log.caller import Caller
from ledger_project.log.lock_order import LockOrder
from ledger_project.log.unit import Batch, Look, Query, Row, Store, Wants

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


@dataclass(slots=True)
class MonitorRow(Row):
    """A monitor. The last fields are about the entries that a command names."""

    id: UUID
    account: UUID
    name: str
    currency: str
    scale: int
    unbounded: bool
    bucket: Bucket
    operator: str
    value: int
    created_at: datetime
    triggered_at: datetime | None
    deleted_at: datetime | None
    slot: int | None
    triggered: set[UUID] = field(default_factory=set)  # entries that crossed it and were told of
    moves: dict[UUID, Move] = field(default_factory=dict)  # what entries did to the watched bucket
    crossings: list["Crossing"] = field(default_factory=list)  # new ones

    @property
    def key(self) -> UUID:
        return self.id

    def copy(self) -> "MonitorRow":
        return replace(self, triggered=self.triggered.copy(), crossings=self.crossings.copy())

    def belongs_to(self, caller: Caller) -> bool:
        return self.account == caller.account

    def document(self) -> dict[str, Any]:
        return {
            "id": ids.show("mon", self.id),
            "account": ids.show("acc", self.account),
            "name": self.name,
            "bucket": self.bucket.label,
            "operator": self.operator,
            "value": str(self.value),
            "currency": self.currency,
            "scale": self.scale,
            "created_at": clock.stamp(self.created_at),
            "triggered_at": self.triggered_at and clock.stamp(self.triggered_at),
            "deleted_at": self.deleted_at and clock.stamp(self.deleted_at),
        }


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


class MonitorStore(Store):
    """Monitors are locked before everything that holds money; entries are facts and need no lock."""

    rank = LockOrder.MONITOR
    row = MonitorRow
    kinds = frozenset({"monitor", "monitors_of", "crossing_entry"})
    leads = frozenset({"monitored"})

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
        return _MONITORS, (list(wants.refs.get("crossing_entry", ())), wants.tenant, list(keys), list(accounts))

    def load(self, records: Iterable[Sequence[Any]], batch: Batch, wants: Wants) -> None:
        entries = wants.facts.get(MonitorRow, {})
        for record in records:
            key, account, name, currency, scale, unbounded, bucket, *rule = record[:-1]
            row = MonitorRow(key, account, name, currency, scale, unbounded, Bucket(bucket), *rule)
            row.triggered = set(record[-1])
            row.moves = {
                entry: moves[account, bucket] for entry, moves in entries.items() if (account, bucket) in moves
            }
            batch.load(row, ("slot", account, row.slot))

    def writing(self, rows: list[MonitorRow], tenant: int, now: datetime) -> Iterable[Query]:
        made = [row for row in rows if row.new]
        known = [row for row in rows if not row.new]
        if made:
            yield (
                "INSERT INTO journal_monitor (tenant_id, id, account_id, bucket, operator, value, created_at, slot,"
                " triggered_at, deleted_at) SELECT %s, * FROM unnest(%s::uuid[], %s::uuid[], %s::smallint[],"
                " %s::text[], %s::text[]::numeric[], %s::timestamptz[], %s::smallint[], %s::timestamptz[],"
                " %s::timestamptz[])",
                (
                    tenant,
                    [row.id for row in made],
                    [row.account for row in made],
                    [int(row.bucket) for row in made],
                    [row.operator for row in made],
                    [str(row.value) for row in made],
                    [row.created_at for row in made],
                    [row.slot for row in made],
                    [row.triggered_at for row in made],
                    [row.deleted_at for row in made],
                ),
            )
        if known:
            yield (
                "UPDATE journal_monitor AS old SET triggered_at = new.triggered_at, deleted_at = new.deleted_at,"
                " slot = new.slot FROM unnest(%s::uuid[], %s::timestamptz[], %s::timestamptz[], %s::smallint[])"
                " AS new (id, triggered_at, deleted_at, slot) WHERE old.id = new.id",
                (
                    [row.id for row in known],
                    [row.triggered_at for row in known],
                    [row.deleted_at for row in known],
                    [row.slot for row in known],
                ),
            )
        crossings = [crossing for row in rows for crossing in row.crossings]
        if crossings:
            yield (
                "INSERT INTO journal_crossing (tenant_id, event, monitor_id, entry, balance_before, balance, version)"
                " SELECT %s, * FROM unnest(%s::uuid[], %s::uuid[], %s::uuid[], %s::text[]::numeric[],"
                " %s::text[]::numeric[], %s::text[]::bigint[])",
                (
                    tenant,
                    [each.event for each in crossings],
                    [each.monitor for each in crossings],
                    [each.entry for each in crossings],
                    [str(each.before) for each in crossings],
                    [str(each.after) for each in crossings],
                    [str(each.version) for each in crossings],
                ),
            )


_LEGS = """
SELECT posting.entry_id, posting.account_id, account.type, posting.bucket, posting.amount, posting.balance_after,
       posting.version
  FROM journal_posting AS posting
  JOIN journal_entry AS entry ON entry.id = posting.entry_id
  JOIN accounts_account AS account ON account.id = posting.account_id
 WHERE entry.tenant_id = %s AND posting.entry_id = ANY(%s::uuid[])
 ORDER BY posting.entry_id, posting.seq
"""
_MONITORS = """
SELECT monitor.id, monitor.account_id, account.name, account.currency, account.scale, account.unbounded,
       monitor.bucket, monitor.operator, monitor.value, monitor.created_at, monitor.triggered_at, monitor.deleted_at,
       monitor.slot,
       ARRAY(SELECT crossing.entry FROM journal_crossing AS crossing
              WHERE crossing.monitor_id = monitor.id AND crossing.entry = ANY(%s::uuid[]))
  FROM journal_monitor AS monitor JOIN accounts_account AS account ON account.id = monitor.account_id
 WHERE monitor.tenant_id = %s AND monitor.deleted_at IS NULL
   AND (monitor.id = ANY(%s::uuid[]) OR monitor.account_id = ANY(%s::uuid[]))
 ORDER BY monitor.id FOR NO KEY UPDATE OF monitor
"""
