"""The agents' currency as the executor sees it: one row a tenant, from the first time it is set."""

from collections.abc import Iterable
from datetime import datetime

from ledger_project.log.lock_order import LockOrder
from ledger_project.log.table import StoredRow, TableStore, column, stored
from ledger_project.log.unit import Query, Wants


@stored
class AgentCurrencyRow(StoredRow):
    """Which currency a tenant's agents have."""

    currency: str = column(changes=True)
    set_at: datetime = column(changes=True)

    @property
    def key(self) -> None:
        """A tenant has one."""


class AgentCurrencyStore(TableStore):
    """Locked after the currencies, which never change, and before everything that holds money."""

    rank = LockOrder.AGENT_CURRENCY
    row = AgentCurrencyRow
    kinds = frozenset({"agent_currency"})
    table = "holds_agentcurrency"
    key_columns = ("tenant_id",)

    def reading(self, wants: Wants) -> Query | None:
        return self.columns.locked(wants.tenant, "TRUE")

    def writing(self, rows: list[AgentCurrencyRow], tenant: int, now: datetime) -> Iterable[Query]:
        for row in rows:
            yield (
                "INSERT INTO holds_agentcurrency (tenant_id, currency, set_at) VALUES (%s, %s, %s)"
                " ON CONFLICT (tenant_id) DO UPDATE SET currency = excluded.currency, set_at = excluded.set_at",
                (tenant, row.currency, row.set_at),
            )
