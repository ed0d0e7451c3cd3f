"""What the billing engine recorded: each payment, refund, payout and dispute once, by the id it has elsewhere."""

from uuid import UUID

from ledger_project.kernel.identity import fold
from ledger_project.log.lock_order import LockOrder
from ledger_project.log.table import StoredRow, TableStore, column, money, stored
from ledger_project.log.unit import Look, Query, Wants


@stored
class RecordRow(StoredRow):
    """One record; never changes. `party` is the customer or the merchant. Its id is looked up as it is folded."""

    kind: str = column()
    external_id: str = column()
    party: str = column()
    currency: str = column()
    amount: int = money()
    entry_id: UUID = column()

    @property
    def key(self) -> tuple[str, str]:
        return self.kind, fold(self.external_id)


class RecordStore(TableStore):
    """Records are read without a lock, because they never change; two of one id meet at the unique index."""

    rank = LockOrder.BILLING_RECORD
    row = RecordRow
    kinds = frozenset({"billing_record", "refunds_of"})
    table = "journal_billingrecord"
    key_columns = ("kind", "external_id")

    def prepare(self, wants: Wants, look: Look) -> None:
        """A want `refunds_of` is what was given back of the payment with this id."""
        payments = list(wants.refs.get("refunds_of", ()))
        if payments:
            for (entry_id,) in look(
                "SELECT entry_id FROM journal_billingrecord"
                " WHERE tenant_id = %s AND kind = 'payment' AND folded(external_id) = ANY(%s)",
                (wants.tenant, list(map(fold, payments))),
            ):
                wants.add("refund_total", entry_id)

    def reading(self, wants: Wants) -> Query | None:
        keys = wants.refs.get("billing_record")
        if not keys:
            return None
        return (
            f"{self.columns.select} WHERE tenant_id = %s"
            " AND (kind, folded(external_id)) IN (SELECT * FROM unnest(%s::text[], %s::text[]))",
            (wants.tenant, [kind for kind, _ in keys], [fold(external_id) for _, external_id in keys]),
        )
