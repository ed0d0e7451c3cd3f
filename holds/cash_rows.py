"""Deposits as the executor sees them, and how far a withdrawal's payment is."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from holds.rows import CUSTODY
from ledger_project.kernel import clock, ids
from ledger_project.kernel.identity import fold
from ledger_project.log.lock_order import LockOrder
from ledger_project.log.unit import Batch, Look, Query, Row, Store, Wants


class DepositRow(Row):
    """A deposit under lock."""

    __slots__ = (
        "account",
        "amount",
        "created_at",
        "currency",
        "external_ref",
        "id",
        "reason",
        "source",
        "status",
        "updated_at",
    )

    def __init__(
        self,
        id: UUID,
        account: UUID,
        currency: str,
        amount: int,
        source: str,
        external_ref: str,
        status: str,
        reason: str,
        created_at: datetime,
        updated_at: datetime,
    ) -> None:
        self.id = id
        self.account = account
        self.currency = currency
        self.amount = amount
        self.source = source
        self.external_ref = external_ref
        self.status = status
        self.reason = reason
        self.created_at = created_at
        self.updated_at = updated_at
        self.new = self.changed = False

    @property
    def key(self) -> UUID:
        return self.id

    @property
    def name(self) -> tuple[str, str]:
        """What it is looked up by, besides its id."""
        return deposit_name(self.source, self.external_ref)

    def copy(self) -> "DepositRow":
        row = DepositRow(
            self.id,
            self.account,
            self.currency,
            self.amount,
            self.source,
            self.external_ref,
            self.status,
            self.reason,
            self.created_at,
            self.updated_at,
        )
        row.new, row.changed = self.new, self.changed
        return row

    def entry_references(self) -> dict[str, str]:
        return {"deposit": ids.show("dep", self.id), "source": self.source, "external_ref": self.external_ref}

    def document(self) -> dict[str, Any]:
        """The deposit as the log keeps it and the API shows it: its whole state."""
        return {
            "id": ids.show("dep", self.id),
            "account": ids.show("acc", self.account),
            "currency": self.currency,
            "amount": str(self.amount),
            "pending": str(self.amount if self.status == "announced" else 0),
            "source": self.source,
            "external_ref": self.external_ref,
            "status": self.status,
            "reason": self.reason,
            "created_at": clock.stamp(self.created_at),
            "updated_at": clock.stamp(self.updated_at),
        }


def deposit_name(source: str, external_ref: str) -> tuple[str, str]:
    """A source gives a reference once, however either is spelt."""
    return fold(source), fold(external_ref)


_DEPOSIT_COLUMNS = "id, account_id, amount, source, external_ref, status, reason, created_at, updated_at"
DEPOSITS = """
SELECT deposit.id, deposit.account_id, account.currency, deposit.amount, deposit.source, deposit.external_ref,
       deposit.status, deposit.reason, deposit.created_at, deposit.updated_at
  FROM holds_deposit AS deposit JOIN accounts_account AS account ON account.id = deposit.account_id
"""


def read_deposit(record: Sequence[Any]) -> DepositRow:
    """A row of `DEPOSITS`."""
    id, account, currency, amount, *rest = record
    return DepositRow(id, account, currency, int(amount), *rest)


class DepositStore(Store):
    """Deposits by id (`deposit`) and by their names (`deposit_ref`), locked before any balance."""

    rank = LockOrder.DEPOSIT
    row = DepositRow
    kinds = frozenset({"deposit", "deposit_ref"})

    def prepare(self, wants: Wants, look: Look) -> None:
        """Whose deposit it is never changes; a twin that is only looked up by its reference needs no account."""
        keys = wants.refs.get("deposit")
        if not keys:
            return
        for (account,) in look(
            "SELECT account_id FROM holds_deposit WHERE tenant_id = %s AND id = ANY(%s::uuid[])",
            (wants.tenant, list(keys)),
        ):
            wants.add("account", account)
            wants.add("beside", (account, CUSTODY))

    def reading(self, wants: Wants) -> Query | None:
        keys, references = wants.refs.get("deposit", ()), wants.refs.get("deposit_ref", ())
        if not keys and not references:
            return None
        return (
            _LOCKED_DEPOSITS,
            (
                wants.tenant,
                list(keys),
                [source for source, _ in references],
                [external_ref for _, external_ref in references],
                wants.tenant,
            ),
        )

    def load(self, records: Iterable[Sequence[Any]], batch: Batch, wants: Wants) -> None:
        for record in records:
            row = read_deposit(record)
            batch.load(row, row.name)

    def writing(self, rows: list[DepositRow], tenant: int, now: datetime) -> Iterable[Query]:
        recorded = [row for row in rows if row.new]
        changed = [row for row in rows if not row.new]
        if recorded:
            yield (
                f"INSERT INTO holds_deposit (tenant_id, {_DEPOSIT_COLUMNS})"
                f" SELECT %s, {_DEPOSIT_COLUMNS} FROM unnest(%s::uuid[], %s::uuid[], %s::text[]::numeric[], %s::text[],"
                " %s::text[], %s::text[], %s::text[], %s::timestamptz[], %s::timestamptz[])"
                f" AS new ({_DEPOSIT_COLUMNS})",
                (
                    tenant,
                    [row.id for row in recorded],
                    [row.account for row in recorded],
                    [str(row.amount) for row in recorded],
                    [row.source for row in recorded],
                    [row.external_ref for row in recorded],
                    [row.status for row in recorded],
                    [row.reason for row in recorded],
                    [row.created_at for row in recorded],
                    [row.updated_at for row in recorded],
                ),
            )
        if changed:
            yield (
                "UPDATE holds_deposit AS old SET status = new.status, reason = new.reason, updated_at = new.updated_at"
                " FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::timestamptz[])"
                " AS new (id, status, reason, updated_at) WHERE old.id = new.id",
                (
                    [row.id for row in changed],
                    [row.status for row in changed],
                    [row.reason for row in changed],
                    [row.updated_at for row in changed],
                ),
            )


_LOCKED_DEPOSITS = f"""
{DEPOSITS}
 WHERE deposit.tenant_id = %s AND deposit.id = ANY(ARRAY(
       SELECT unnest(%s::uuid[])
        UNION ALL
       SELECT twin.id FROM unnest(%s::text[], %s::text[]) AS wanted (source, external_ref)
         JOIN holds_deposit AS twin ON twin.tenant_id = %s AND folded(twin.source) = wanted.source
                                   AND folded(twin.external_ref) = wanted.external_ref))
 ORDER BY deposit.id FOR NO KEY UPDATE OF deposit
"""


class PayoutRow(Row):
    """How far the executor is with a withdrawal; read under lock, written only by `holds/payouts.py`."""

    __slots__ = ("answer", "leased_until", "withdrawal")

    def __init__(self, withdrawal: UUID, leased_until: datetime | None, answer: str) -> None:
        self.withdrawal, self.leased_until, self.answer = withdrawal, leased_until, answer
        self.new = self.changed = False

    @property
    def key(self) -> UUID:
        return self.withdrawal

    def copy(self) -> "PayoutRow":
        return self


class PayoutStore(Store):
    """Read after the withdrawal's own row is locked, which a worker locks too when it takes the withdrawal on."""

    rank = LockOrder.PAYOUT
    row = PayoutRow
    kinds = frozenset({"payout"})

    def reading(self, wants: Wants) -> Query | None:
        keys = wants.refs.get("payout")
        if not keys:
            return None
        return (
            "SELECT withdrawal_id, leased_until, answer FROM holds_payout"
            " WHERE tenant_id = %s AND withdrawal_id = ANY(%s::uuid[]) ORDER BY withdrawal_id FOR NO KEY UPDATE",
            (wants.tenant, list(keys)),
        )

    def load(self, records: Iterable[Sequence[Any]], batch: Batch, wants: Wants) -> None:
        for record in records:
            batch.load(PayoutRow(*record))
