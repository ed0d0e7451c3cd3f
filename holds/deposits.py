"""Deposits as the executor sees them, and how far a withdrawal's payment is."""

from collections.abc import Hashable
from datetime import datetime
from typing import Any
from uuid import UUID

from holds.rows import CUSTODY
from ledger_project.kernel import ids
from ledger_project.kernel.identity import fold
from ledger_project.log.lock_order import LockOrder
from ledger_project.log.table import StoredRow, TableStore, column, money, stored
from ledger_project.log.unit import Look, Query, Wants


@stored
class DepositRow(StoredRow):
    """A deposit under lock."""

    id: UUID = column(public="dep")
    account: UUID = column("account_id", public="acc")
    currency: str = column(joined="account.currency")
    amount: int = money()
    source: str = column()
    external_ref: str = column()
    status: str = column(changes=True, default="announced")
    reason: str = column(changes=True, default="")
    topup: UUID | None = column(public="top", default=None)
    created_at: datetime = column()
    updated_at: datetime = column(changes=True)

    @property
    def names(self) -> tuple[Hashable, ...]:
        return (deposit_name(self.source, self.external_ref),)

    def entry_references(self) -> dict[str, str]:
        return {"deposit": ids.show("dep", self.id), "source": self.source, "external_ref": self.external_ref}

    def document(self) -> dict[str, Any]:
        """The deposit as the log keeps it and the API shows it: its whole state."""
        return {**self.shown(), "pending": str(self.amount if self.status == "announced" else 0)}


def deposit_name(source: str, external_ref: str) -> tuple[str, str]:
    """A source gives a reference once, however either is spelt."""
    return fold(source), fold(external_ref)


class DepositStore(TableStore):
    """Deposits by id (`deposit`) and by their names (`deposit_ref`), locked before any balance."""

    rank = LockOrder.DEPOSIT
    row = DepositRow
    kinds = frozenset({"deposit", "deposit_ref"})
    table = "holds_deposit"
    joins = "JOIN accounts_account AS account ON account.id = stored.account_id"

    def prepare(self, wants: Wants, look: Look) -> None:
        """Whose deposit it is never changes; a twin that is only looked up by its reference needs no account."""
        keys = wants.refs.get("deposit")
        if not keys:
            return
        for account, topup in look(
            "SELECT account_id, topup FROM holds_deposit WHERE tenant_id = %s AND id = ANY(%s::uuid[])",
            (wants.tenant, list(keys)),
        ):
            wants.add("account", account)
            if topup is not None:
                wants.add("topup_rule", topup)
            wants.add("beside", (account, CUSTODY))

    def reading(self, wants: Wants) -> Query | None:
        keys, references = wants.refs.get("deposit", ()), wants.refs.get("deposit_ref", ())
        if not keys and not references:
            return None
        sources, named = [source for source, _ in references], [name for _, name in references]
        return self.columns.locked(wants.tenant, _BY_ID_OR_NAME, list(keys), sources, named, wants.tenant)


_BY_ID_OR_NAME = """
stored.id = ANY(ARRAY(
       SELECT unnest(%s::uuid[])
        UNION ALL
       SELECT twin.id FROM unnest(%s::text[], %s::text[]) AS wanted (source, external_ref)
         JOIN holds_deposit AS twin ON twin.tenant_id = %s AND folded(twin.source) = wanted.source
                                   AND folded(twin.external_ref) = wanted.external_ref))
"""


@stored
class PayoutRow(StoredRow):
    """How far the executor is with a withdrawal; read under lock, written only by `holds/payouts.py`."""

    withdrawal: UUID = column("withdrawal_id")
    leased_until: datetime | None = column()
    answer: str = column()

    @property
    def key(self) -> UUID:
        return self.withdrawal


class PayoutStore(TableStore):
    """Read after the withdrawal's own row is locked, which a worker locks too when it takes the withdrawal on."""

    rank = LockOrder.PAYOUT
    row = PayoutRow
    kinds = frozenset({"payout"})
    table = "holds_payout"
    key_columns = ("withdrawal_id",)
