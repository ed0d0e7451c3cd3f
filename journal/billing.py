"""What the billing engine recorded: each payment, refund, payout and dispute once, by the id it has elsewhere."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from ledger_project.kernel.identity import fold
from ledger_project.log.lock_order import LockOrder
from ledger_project.log.unit import Batch, Look, Query, Row, Store, Wants


@dataclass(slots=True)
class RecordRow(Row):
    """One record; never changes. `party` is the customer or the merchant. Its id is looked up as it is folded."""

    kind: str
    external_id: str
    party: str
    currency: str
    amount: int
    entry_id: UUID

    @property
    def key(self) -> tuple[str, str]:
        return self.kind, fold(self.external_id)

    def copy(self) -> "RecordRow":
        return replace(self)


class RecordStore(Store):
    """Records are read without a lock, because they never change; two of one id meet at the unique index."""

    rank = LockOrder.BILLING_RECORD
    row = RecordRow
    kinds = frozenset({"billing_record", "refunds_of"})

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
            "SELECT kind, external_id, party, currency, amount, entry_id FROM journal_billingrecord"
            " WHERE tenant_id = %s AND (kind, folded(external_id)) IN (SELECT * FROM unnest(%s::text[], %s::text[]))",
            (wants.tenant, [kind for kind, _ in keys], [fold(external_id) for _, external_id in keys]),
        )

    def load(self, records: Iterable[Sequence[Any]], batch: Batch, wants: Wants) -> None:
        for record in records:
            batch.load(RecordRow(*record))

    def writing(self, rows: list[RecordRow], tenant: int, now: datetime) -> Iterable[Query]:
        yield (
            "INSERT INTO journal_billingrecord (tenant_id, kind, external_id, party, currency, amount, entry_id)"
            " SELECT %s, * FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[]::numeric[],"
            " %s::uuid[])",
            (
                tenant,
                [row.kind for row in rows],
                [row.external_id for row in rows],
                [row.party for row in rows],
                [row.currency for row in rows],
                [str(row.amount) for row in rows],
                [row.entry_id for row in rows],
            ),
        )
