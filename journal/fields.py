"""Argument types about entries, for commands to annotate with."""

from typing import Annotated, Any
from uuid import UUID

from ledger_project.kernel.fields import (
    AmountField,
    ChoiceField,
    IdField,
    ListField,
    RecordField,
    RefField,
)

# Held, escrowed, bonded, promotional and drawn money belongs to a hold, a grant or a credit line, whose own verbs
# move it.
FREE_BUCKETS = ("available", "fee_pool")

EntryId = Annotated[UUID, IdField("ent", "entry")]
MonitorId = Annotated[UUID, IdField("mon", "monitor")]
ReconciliationId = Annotated[UUID, IdField("rec", "reconciliation")]
CrossingEntry = Annotated[UUID, IdField("ent", "crossing_entry")]
Operator = Annotated[str, ChoiceField(("lt", "lte", "gt", "gte", "eq"))]
AnyAmount = Annotated[int, AmountField(minimum=None)]
GrantId = Annotated[UUID, IdField("prm", "promo_grant")]
Postings = Annotated[
    list[dict[str, Any]],
    ListField(
        RecordField(
            fields={
                "account": RefField(kind="account"),
                "bucket": ChoiceField(FREE_BUCKETS),
                "amount": AmountField(minimum=None, nonzero=True),
            },
            optional={"bucket": "available"},
        ),
        maximum=1000,
    ),
]
