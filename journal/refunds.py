"""What was given back of each entry: the row that refunds and reversals of one entry queue for."""

from dataclasses import dataclass
from uuid import UUID

from accounts.rows import AccountFacts, Bucket
from journal.errors import AlreadyReversed, RefundExceedsOriginal
from journal.promo import Use, uses_of
from journal.rows import EntryRow
from ledger_project.kernel import ids
from ledger_project.log.lock_order import LockOrder
from ledger_project.log.table import StoredRow, TableStore, column, money, stored
from ledger_project.log.unit import Look, Unit, Wants

# Kinds of entries by which one pays another for something; cash, supply, stakes and fees have their own ways back.
GRANTED = frozenset({"spend", "capture"})
PAYMENTS = frozenset({"transfer", "spend", "capture", "escrow_release", "escrow_resolution", "entry"})
INTO = frozenset({Bucket.AVAILABLE, Bucket.CREDIT_USED})  # money that came in, credit repaid first


@stored
class RefundTotalRow(StoredRow):
    """How much of an entry was refunded, or that it was reversed; made by the first of them."""

    entry_id: UUID = column()
    amount: int = money()
    refunded: int = money(changes=True, default=0)
    reversed: bool = column(changes=True, default=False)

    @property
    def key(self) -> UUID:
        return self.entry_id

    @property
    def left(self) -> int:
        return self.amount - self.refunded

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


class RefundTotalStore(TableStore):
    """Locked by the entry's id, after the entries are read and before balances.

    Of an entry that nothing was given back of there is no row to lock; of two that make it at once, the second finds
    it there and starts over.
    """

    rank = LockOrder.REFUND_TOTAL
    row = RefundTotalRow
    kinds = frozenset({"refund_total"})
    table = "journal_refundtotal"
    key_columns = ("entry_id",)

    def prepare(self, wants: Wants, look: Look) -> None:
        """Want the grants that promotional money goes back to."""
        for key in wants.refs.get("refund_total", ()):
            entry = wants.facts.get((EntryRow, key))
            for use in granted_of(entry) if entry is not None else ():
                wants.add("promo_grant", use.grant)


@dataclass(frozen=True, slots=True)
class Paid:
    """What one account paid to one other, and the grants that it was first paid by."""

    payer: AccountFacts
    receiver: AccountFacts
    amount: int
    uses: list[Use]

    @property
    def granted(self) -> int:
        return sum(use.amount for use in self.uses)


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
    return Paid(payer, receiver, net[receiver.id], granted_of(entry))


def granted_of(entry: EntryRow) -> list[Use]:
    """The grants that have paid an entry, in their order.

    Kinds and metadata may be a caller's own, of a free-form entry; but such an entry moves no granted or held money.
    """
    moved = -sum(line.value for line in entry.lines if line.bucket in (Bucket.PROMO, Bucket.HELD))
    uses = uses_of(entry.metadata) if entry.kind in GRANTED and moved > 0 else []
    return uses if sum(use.amount for use in uses) <= moved else []


def require_not_reversed(books: Unit, entry: EntryRow) -> RefundTotalRow | None:
    """What was refunded of an entry, or None. Refuses: AlreadyReversed.

    A reversal that was committed while this command waited shows in the row alone: that one is read under lock.
    """
    total = books.find(RefundTotalRow, entry.id)
    if entry.reversed_by is not None or (total is not None and total.reversed):
        by = entry.reversed_by and ids.show("ent", entry.reversed_by)
        raise AlreadyReversed(entry=ids.show("ent", entry.id), reversed_by=by)
    return total
