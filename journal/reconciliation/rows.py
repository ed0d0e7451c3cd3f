"""Reconciliations as the executor sees them: they are asked for, and a mismatch is told of, by commands."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from ledger_project.kernel import clock, ids
from ledger_project.log import documents
from ledger_project.log.lock_order import LockOrder
from ledger_project.log.unit import Batch, Query, Row, Store, Wants

OPEN = "open"  # the name under which a tenant's unfinished run is found
WANT_OPEN = ("open_reconciliation", True)


@dataclass(slots=True)
class ReconciliationRow(Row):
    """A run; what it found is written by the run itself, not by a command."""

    id: UUID
    requested_by: str
    reason: str
    requested_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    log_size: int | None = None
    mismatches: int | None = None
    checks: list[dict[str, Any]] = field(default_factory=list)
    reported_at: datetime | None = None

    @property
    def key(self) -> UUID:
        return self.id

    def copy(self) -> "ReconciliationRow":
        return replace(self)

    @property
    def status(self) -> str:
        if self.mismatches is None:
            return "requested"
        return "mismatched" if self.mismatches else "matched"

    def document(self) -> dict[str, Any]:
        return {
            "id": ids.show("rec", self.id),
            "status": self.status,
            "requested_by": self.requested_by,
            "reason": self.reason or None,
            "requested_at": clock.stamp(self.requested_at),
            "started_at": self.started_at and clock.stamp(self.started_at),
            "finished_at": self.finished_at and clock.stamp(self.finished_at),
            "log_size": self.log_size,
            "mismatches": self.mismatches,
            "checks": self.checks,
        }


COLUMNS = (
    "id, requested_by, reason, requested_at, started_at, finished_at, log_size, mismatches, checks::text, reported_at"
)


class ReconciliationStore(Store):
    """Locked with monitors, before everything that holds money."""

    rank = LockOrder.RECONCILIATION
    row = ReconciliationRow
    kinds = frozenset({"reconciliation", WANT_OPEN[0]})

    def reading(self, wants: Wants) -> Query | None:
        keys = sorted(wants.refs.get("reconciliation", ()))
        return (
            f"SELECT {COLUMNS} FROM journal_reconciliationrun WHERE tenant_id = %s"
            " AND (id = ANY(%s::uuid[]) OR (%s AND finished_at IS NULL)) ORDER BY id FOR NO KEY UPDATE",
            (wants.tenant, keys, WANT_OPEN[0] in wants.refs),
        )

    def load(self, records: Iterable[Sequence[Any]], batch: Batch, wants: Wants) -> None:
        for record in records:
            row = of_record(record)
            batch.load(row, *([OPEN] if row.finished_at is None else []))

    def writing(self, rows: list[ReconciliationRow], tenant: int, now: datetime) -> Iterable[Query]:
        made = [row for row in rows if row.new]
        known = [row for row in rows if not row.new]
        if made:
            yield (
                "INSERT INTO journal_reconciliationrun (tenant_id, id, requested_by, reason, requested_at, checks)"
                " SELECT %s, *, '[]' FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::timestamptz[])",
                (
                    tenant,
                    [row.id for row in made],
                    [row.requested_by for row in made],
                    [row.reason for row in made],
                    [row.requested_at for row in made],
                ),
            )
        if known:
            yield (
                "UPDATE journal_reconciliationrun AS old SET reported_at = new.reported_at"
                " FROM unnest(%s::uuid[], %s::timestamptz[]) AS new (id, reported_at) WHERE old.id = new.id",
                ([row.id for row in known], [row.reported_at for row in known]),
            )


def of_record(record: Sequence[Any]) -> ReconciliationRow:
    """A row of COLUMNS."""
    row = ReconciliationRow(*record[:-2])
    row.checks, row.reported_at = documents.load_json(record[-2]), record[-1]
    return row
