"""The agents' currency as the executor sees it: one row a tenant, from the first time it is set."""

from datetime import datetime

from ledger_project.log.lock_order import LockOrder
from ledger_project.log.table import OneRowStore, StoredRow, column, stored


@stored
class AgentCurrencyRow(StoredRow):
    """Which currency a tenant's agents have."""

    currency: str = column(changes=True)
    set_at: datetime = column(changes=True)

    @property
    def key(self) -> None:
        """A tenant has one."""


class AgentCurrencyStore(OneRowStore):
    """Locked after the currencies, which never change, and before everything that holds money."""

    rank = LockOrder.AGENT_CURRENCY
    row = AgentCurrencyRow
    kinds = frozenset({"agent_currency"})
    table = "holds_agentcurrency"
