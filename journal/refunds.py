"""What was given back of each entry: the row that refunds and reversals of one entry queue for."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from accounts.rows import AccountFacts, Bucket
from journal.errors import AlreadyReversed, RefundExceedsOriginal
from journal.promo import uses_of
from journal.rows import EntryRow
from ledger_project.kernel import ids
from ledger_project.log.lock_order import LockOrder
from ledger_project.log.unit import Batch, Look, Query, Row, Store, Unit, Wants

# Kinds of entries by which one pays another for something; cash, supply, stakes and fees have their own ways back.
PAYMENTS = frozenset({"transfer", "spend", "capture", "escrow_release", "escrow_resolution", "entry"})
INTO = frozenset({Bucket.AVAILABLE, Bucket.CREDIT_USED})  # money that came in, credit repaid first


@dataclass(slots=True)
class RefundTotalRow(Row):
    """How much of an entry was refunded, or that it was reversed; made by the first of them."""

    entry_id: UUID
    amount: int
    refunded: int = 0
    reversed: bool = False

    @property
    def key(self) -> UUID:
        return self.entry_id

    @property
    def left(self) -> int:
        return self.amount - self.refunded

    def copy(self) -> "RefundTotalRow":
        return replace(self)

    def require_left(self, asked: int) -> None:
        """Refuses: RefundExceedsOriginal, also for nothing left to give back."""
        if not 0 < asked <= self.left:
            raise RefundExceedsOriginal(**self.document(), asked=str(asked))

    def add(self, amount: int) -> None:
        self.refunded += amount
        self.changed = True

    def document(self) -> dict[str, str]:
        return {
            "entry": ids.show("ent", self.entry_id),
            "original": str(self.amount),
            "refunded": str(self.refunded),
            "left": str(self.left),
        }


class RefundTotalStore(Store):
    """Locked by the entry's id, after the entries are read and before balances.

    Of an entry that nothing was given back of there is no row to lock; of two that make it at once, the second finds
    it there and starts over.
    """

    rank = LockOrder.REFUND_TOTAL
    row = RefundTotalRow
    kinds = frozenset({"refund_total"})

    def prepare(self, wants: Wants, look: Look) -> None:
        """Want the grants that promotional money goes back to."""
        for key in wants.refs.get("refund_total", ()):
            entry = wants.facts.get((EntryRow, key))
            if entry is not None and any(line.bucket is Bucket.PROMO for line in entry.lines):
                for use in uses_of(entry.metadata):
                    wants.add("promo_grant", use.grant)

    def reading(self, wants: Wants) -> Query | None:
        keys = wants.refs.get("refund_total")
        if not keys:
            return None
        return (
            "SELECT entry_id, amount, refunded, reversed FROM journal_refundtotal"
            " WHERE tenant_id = %s AND entry_id = ANY(%s::uuid[]) ORDER BY entry_id FOR NO KEY UPDATE",
            (wants.tenant, list(keys)),
        )

    def load(self, records: Iterable[Sequence[Any]], batch: Batch, wants: Wants) -> None:
        for record in records:
            batch.load(RefundTotalRow(*record))

    def writing(self, rows: list[RefundTotalRow], tenant: int, now: datetime) -> Iterable[Query]:
        first = [row for row in rows if row.new]
        more = [row for row in rows if not row.new]
        if first:
            yield (
                "INSERT INTO journal_refundtotal (tenant_id, entry_id, amount, refunded, reversed)"
                " SELECT %s, * FROM unnest(%s::uuid[], %s::text[]::numeric[], %s::text[]::numeric[], %s::bool[])",
                (
                    tenant,
                    [row.entry_id for row in first],
                    [str(row.amount) for row in first],
                    [str(row.refunded) for row in first],
                    [row.reversed for row in first],
                ),
            )
        if more:
            yield (
                "UPDATE journal_refundtotal AS old SET refunded = new.refunded, reversed = new.reversed"
                " FROM unnest(%s::uuid[], %s::text[]::numeric[], %s::bool[]) AS new (entry_id, refunded, reversed)"
                " WHERE old.entry_id = new.entry_id",
                (
                    [row.entry_id for row in more],
                    [str(row.refunded) for row in more],
                    [row.reversed for row in more],
                ),
            )


@dataclass(frozen=True, slots=True)
class Paid:
    """What one account paid to one other; `promo` is the part that came from promotional money."""

    payer: AccountFacts
    receiver: AccountFacts
    amount: int
    promo: int


def paid_by(entry: EntryRow) -> Paid | None:
    """The payment that an entry is, or None where it is not from one payer to one receiver's available money.

    Moves between an account's own buckets cancel out, so a capture that also released the rest is one payment.
    """
    if entry.kind not in PAYMENTS or entry.reverses is not None:
        return None
    net: dict[UUID, int] = {}
    facts = {line.account.id: line.account for line in entry.lines}
    for line in entry.lines:
        net[line.account.id] = net.get(line.account.id, 0) + line.value
    payers = [account for account, value in net.items() if value < 0]
    receivers = [account for account, value in net.items() if value > 0]
    if len(payers) != 1 or len(receivers) != 1 or net[payers[0]] != -net[receivers[0]]:
        return None
    payer, receiver = facts[payers[0]], facts[receivers[0]]
    if any(line.account.id == receiver.id and line.bucket not in INTO for line in entry.lines):
        return None
    promo = -sum(line.value for line in entry.lines if line.bucket is Bucket.PROMO)
    return Paid(payer, receiver, net[receiver.id], promo)


def require_not_reversed(books: Unit, entry: EntryRow) -> RefundTotalRow | None:
    """What was refunded of an entry, or None. Refuses: AlreadyReversed.

    A reversal that was committed while this command waited shows in the row alone: that one is read under lock.
    """
    total = books.find(RefundTotalRow, entry.id)
    if entry.reversed_by is not None or (total is not None and total.reversed):
        by = entry.reversed_by and ids.show("ent", entry.reversed_by)
        raise AlreadyReversed(entry=ids.show("ent", entry.id), reversed_by=by)
    return total
