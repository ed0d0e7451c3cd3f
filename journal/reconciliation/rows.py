"""Reconciliations as the executor sees them: they are asked for, and a mismatch is told of, by commands."""

from collections.abc import Hashable
from datetime import datetime
from typing import Any
from uuid import UUID

from ledger_project.log.lock_order import LockOrder
from ledger_project.log.table import StoredRow, TableStore, column, stored
from ledger_project.log.unit import Query, Wants

OPEN = "open"  # the name under which a tenant's unfinished run is found
WANT_OPEN = ("open_reconciliation", True)


@stored
class ReconciliationRow(StoredRow):
    """A run; what it found is written by the run itself, not by a command."""

    id: UUID = column(public="rec")
    requested_by: str = column()
    reason: str = column(shown=False)
    requested_at: datetime = column()
    started_at: datetime | None = column(default=None)
    finished_at: datetime | None = column(default=None)
    log_size: int | None = column(type="bigint", default=None)
    mismatches: int | None = column(default=None)
    checks: list[dict[str, Any]] = column(default_factory=list)
    reported_at: datetime | None = column(changes=True, shown=False, default=None)

    @property
    def names(self) -> tuple[Hashable, ...]:
        return (OPEN,) if self.finished_at is None else ()

    @property
    def status(self) -> str:
        if self.mismatches is None:
            return "requested"
        return "mismatched" if self.mismatches else "matched"

    def document(self) -> dict[str, Any]:
        return {**self.shown(), "status": self.status, "reason": self.reason or None}


class ReconciliationStore(TableStore):
    """Locked with monitors, before everything that holds money."""

    rank = LockOrder.RECONCILIATION
    row = ReconciliationRow
    kinds = frozenset({"reconciliation", WANT_OPEN[0]})
    table = "journal_reconciliationrun"

    def reading(self, wants: Wants) -> Query | None:
        keys = sorted(wants.refs.get("reconciliation", ()))
        condition = "(stored.id = ANY(%s::uuid[]) OR (%s AND stored.finished_at IS NULL))"
        return self.columns.locked(wants.tenant, condition, keys, WANT_OPEN[0] in wants.refs)
