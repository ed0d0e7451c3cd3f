"""The agents' currency as the executor sees it: one row a tenant, from the first time it is set."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from ledger_project.kernel import clock
from ledger_project.log.lock_order import LockOrder
from ledger_project.log.unit import Batch, Query, Row, Store, Wants


@dataclass(slots=True)
class AgentCurrencyRow(Row):
    """Which currency a tenant's agents have."""

    tenant: int
    currency: str
    set_at: datetime
    new: bool = False
    changed: bool = False

    @property
    def key(self) -> int:
        return self.tenant

    def copy(self) -> "AgentCurrencyRow":
        return replace(self)

    def document(self) -> dict[str, Any]:
        return {"currency": self.currency, "set_at": clock.stamp(self.set_at)}


class AgentCurrencyStore(Store):
    """Locked after the currencies, which never change, and before everything that holds money."""

    rank = LockOrder.AGENT_CURRENCY
    row = AgentCurrencyRow
    kinds = frozenset({"agent_currency"})

    def reading(self, wants: Wants) -> Query | None:
        return (
            "SELECT tenant_id, currency, set_at FROM holds_agentcurrency WHERE tenant_id = %s FOR NO KEY UPDATE",
            (wants.tenant,),
        )

    def load(self, records: Iterable[Sequence[Any]], batch: Batch, wants: Wants) -> None:
        for record in records:
            batch.load(AgentCurrencyRow(*record))

    def writing(self, rows: list[AgentCurrencyRow], tenant: int, now: datetime) -> Iterable[Query]:
        for row in rows:
            yield (
                "INSERT INTO holds_agentcurrency (tenant_id, currency, set_at) VALUES (%s, %s, %s)"
                " ON CONFLICT (tenant_id) DO UPDATE SET currency = excluded.currency, set_at = excluded.set_at",
                (tenant, row.currency, row.set_at),
            )
