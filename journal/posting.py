"""Posting: the only place that moves money.

A plan speaks in values: `take` lowers a bucket, `give` raises one, `move` does both. Here they become postings signed
in debits and credits, balances after them, and one balanced entry per command. Two rules live here and nowhere else:
a shortfall of `available` is drawn from the credit line, and money that comes into `available` repays it first.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from accounts.books import AccountBooks
from accounts.errors import (
    AccountClosed,
    AccountFrozen,
    AmountOverflow,
    CreditLimitExceeded,
    CurrencyMismatch,
    InsufficientFunds,
    NormalBalanceMismatch,
    SameAccount,
)
from accounts.rows import AccountRow, Bucket
from journal.errors import EntryNotFound, TooFewPostings, UnbalancedEntry
from journal.rows import EntryRow, Line
from ledger_project.kernel import ids
from ledger_project.kernel.money import LIMIT

AVAILABLE, CREDIT_USED = Bucket.AVAILABLE, Bucket.CREDIT_USED


class Books(AccountBooks):
    """The unit of work of commands that move money."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._lines: list[Line] = []
        self._net: dict[tuple[UUID, int], int] = {}

    def give(self, row: AccountRow, bucket: Bucket, amount: int) -> None:
        """Raise a bucket. Into `available`, the credit line is repaid first. Refuses: AccountClosed."""
        if row.status == "closed":
            raise AccountClosed(account=row.facts.name)
        if bucket is AVAILABLE and row.numbers[CREDIT_USED]:
            repaid = min(amount, row.numbers[CREDIT_USED])
            self._shift(row, CREDIT_USED, -repaid)
            amount -= repaid
        if amount:
            self._shift(row, bucket, amount)

    def take(self, row: AccountRow, bucket: Bucket, amount: int) -> None:
        """Lower a bucket. From `available`, a shortfall is drawn from the credit line.

        Refuses: AccountClosed, AccountFrozen, InsufficientFunds.
        """
        if row.status != "open":
            raise (AccountClosed if row.status == "closed" else AccountFrozen)(account=row.facts.name)
        has = row.numbers[bucket]
        if has >= amount or (bucket is AVAILABLE and row.facts.unbounded):
            self._shift(row, bucket, -amount)
            return
        shortfall = amount - has
        if bucket is not AVAILABLE or shortfall > row.credit_left:
            spendable = has + (row.credit_left if bucket is AVAILABLE else 0)
            raise InsufficientFunds(
                account=row.facts.name,
                bucket=bucket.label,
                required=str(amount),
                available=str(spendable),
                shortfall=str(amount - spendable),
                currency=row.facts.currency,
            )
        self._shift(row, CREDIT_USED, shortfall)
        if has:
            self._shift(row, AVAILABLE, -has)

    def move(self, amount: int, source: tuple[AccountRow, Bucket], target: tuple[AccountRow, Bucket]) -> None:
        """Take from one bucket and give to another, of one currency and one normal side. Zero moves nothing."""
        payer, receiver = source[0].facts, target[0].facts
        if payer.currency != receiver.currency:
            raise CurrencyMismatch(account=receiver.name, currency=receiver.currency, expected=payer.currency)
        if payer.sign != receiver.sign:
            raise NormalBalanceMismatch(account=receiver.name, type=receiver.type, expected=payer.type)
        if amount:
            self.take(*source, amount)
            self.give(*target, amount)

    def restore(self, amount: int, row: AccountRow, bucket: Bucket) -> None:
        """Give an account its own money back from one of its buckets, frozen or not."""
        if amount:
            if row.numbers[bucket] < amount:
                raise AssertionError(f"{row.facts.name} holds less in {bucket.label} than its own holds say")
            self._shift(row, bucket, -amount)
            self.give(row, AVAILABLE, amount)

    def draw(self, row: AccountRow, amount: int) -> None:
        """Turn credit into available money. Refuses: AccountClosed, AccountFrozen, CreditLimitExceeded."""
        if row.status != "open":
            raise (AccountClosed if row.status == "closed" else AccountFrozen)(account=row.facts.name)
        if amount > row.credit_left:
            raise CreditLimitExceeded(
                account=row.facts.name, asked=str(amount), left=str(row.credit_left), limit=str(row.credit_limit)
            )
        self._shift(row, CREDIT_USED, amount)
        self._shift(row, AVAILABLE, amount)

    def _shift(self, row: AccountRow, bucket: Bucket, delta: int) -> None:
        """One posting: `delta` in the bucket's own direction, which for drawn credit is the other side."""
        after = row.numbers[bucket] + delta
        if not -LIMIT < after < LIMIT:
            raise AmountOverflow(account=row.facts.name, bucket=bucket.label)
        row.numbers[bucket] = after
        row.version += 1
        row.changed = True
        net = -delta if bucket is CREDIT_USED else delta
        self._net[row.key] = self._net.get(row.key, 0) + net
        self._lines.append(Line(row.facts, row.stripe, bucket, net * row.facts.sign, after, row.version))

    def write_entry(
        self,
        kind: str,
        *,
        description: str | None = None,
        references: dict[str, str] | None = None,
        metadata: dict[str, Any] | None = None,
        effective_at: datetime | None = None,
        reverses: UUID | None = None,
    ) -> EntryRow:
        """Make this command's entry of what it has moved. Refuses: TooFewPostings, UnbalancedEntry."""
        if len(self._lines) < 2:
            raise TooFewPostings(postings=len(self._lines))
        sums: dict[str, int] = {}
        for line in self._lines:
            sums[line.account.currency] = sums.get(line.account.currency, 0) + line.amount
        off = {currency: str(total) for currency, total in sums.items() if total}
        if off:
            raise UnbalancedEntry(sums=off)
        entry = EntryRow(
            self.event_id,
            kind,
            effective_at or self.now,
            self._lines,
            description=description or "",
            references=references,
            metadata=metadata,
            reverses=reverses,
        )
        self.entry = self.add(entry)
        return entry

    def stored_entry(self, entry_id: UUID) -> EntryRow:
        """An entry that was posted before, with its lines."""
        entry = self.find(EntryRow, entry_id)
        if entry is None:
            raise EntryNotFound(entry=ids.show("ent", entry_id))
        return entry

    def finish(self) -> None:
        if self._lines and self.entry is None:
            raise AssertionError("the plan moved money and wrote no entry")
        for key, net in self._net.items():
            row = self.rows[AccountRow, key]
            row.total_in += max(net, 0)
            row.total_out += max(-net, 0)
            if row.total_in >= LIMIT or row.total_out >= LIMIT:
                raise AmountOverflow(account=row.facts.name, bucket="total")
        super().finish()


def require_different(payer: AccountRow, receiver: AccountRow) -> None:
    """Refuses: SameAccount."""
    if payer.facts.id == receiver.facts.id:
        raise SameAccount(account=payer.facts.name)
