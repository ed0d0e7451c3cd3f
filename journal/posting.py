"""Posting: the only place that moves money.

A plan speaks in values: `take` lowers a bucket, `give` raises one, `move` does both. Here they become postings signed
in debits and credits, balances after them, and one balanced entry per command. Two rules live here and nowhere else:
a shortfall of `available` is drawn from the credit line, and money that comes into `available` repays it first.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from accounts.books import AccountBooks
from accounts.budgets.errors import BudgetExceeded
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
from accounts.rows import AccountFacts, AccountRow, Bucket
from journal.errors import EntryNotFound, RepaymentExceedsCredit, TooFewPostings, UnbalancedEntry
from journal.promo import Grant, PurseRow, Use, granted
from journal.rows import EntryRow, Line
from ledger_project.kernel import ids
from ledger_project.kernel.errors import Forbidden
from ledger_project.kernel.money import LIMIT
from ledger_project.log.caller import PLATFORM

AVAILABLE, CREDIT_USED = Bucket.AVAILABLE, Bucket.CREDIT_USED
SPENDABLE = frozenset({AVAILABLE, Bucket.PROMO, CREDIT_USED})  # what an account has at its own disposal


class Books(AccountBooks):
    """The unit of work of commands that move money."""

    asks = (BudgetExceeded,)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._lines: list[Line] = []
        self._net: dict[tuple[str, int], int] = {}
        self.uses: list[Use] = []  # of grants, by what this command has paid
        self._pays_for_the_platform = self.command.platform or self.caller.may(PLATFORM)

    def require_payer(self, row: AccountRow) -> None:
        """Whether this caller may take from the account by this command, said before anything is said of its money.

        Refuses: Forbidden.
        """
        if self.caller.account is not None and row.facts.id != self.caller.account:
            raise Forbidden(account=row.facts.name, reason="an account's own key takes from that account alone")
        if row.facts.unbounded and not self._pays_for_the_platform:
            raise Forbidden(scope=PLATFORM, account=row.facts.name)

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

        Refuses: Forbidden, AccountClosed, AccountFrozen, InsufficientFunds.
        """
        self.require_payer(row)
        require_open(row)
        has = row.numbers[bucket]
        if has >= amount or (bucket is AVAILABLE and row.facts.unbounded):
            self._shift(row, bucket, -amount)
            return
        shortfall = amount - has
        if bucket is not AVAILABLE or shortfall > row.credit_left:
            raise short(row, bucket, amount, has + (row.credit_left if bucket is AVAILABLE else 0))
        self._shift(row, CREDIT_USED, shortfall)
        if has:
            self._shift(row, AVAILABLE, -has)

    def take_own(self, row: AccountRow, amount: int) -> None:
        """Lower `available` without touching the credit line: what is given back is money that is there.

        Refuses: Forbidden, AccountClosed, AccountFrozen, InsufficientFunds.
        """
        self.require_payer(row)
        require_open(row)
        if row.numbers[AVAILABLE] < amount and not row.facts.unbounded:
            raise short(row, AVAILABLE, amount, row.numbers[AVAILABLE])
        self._shift(row, AVAILABLE, -amount)

    def gather(self, stripes: list[AccountRow], bucket: Bucket, amount: int) -> None:
        """Lower a bucket of an account that was locked whole, one stripe after the other.

        Refuses: Forbidden, AccountClosed, AccountFrozen, InsufficientFunds.
        """
        self.require_payer(stripes[0])
        require_open(stripes[0])
        has = sum(row.numbers[bucket] for row in stripes)
        if has < amount:
            raise short(stripes[0], bucket, amount, has)
        for row in stripes:
            part = min(amount, row.numbers[bucket])
            if part > 0:
                self._shift(row, bucket, -part)
                amount -= part

    def move(self, amount: int, source: tuple[AccountRow, Bucket], target: tuple[AccountRow, Bucket]) -> None:
        """Take from one bucket and give to another, of one currency and one normal side. Zero moves nothing."""
        require_alike(source[0], target[0])
        if amount:
            self.take(*source, amount)
            self.give(*target, amount)

    def restore(self, amount: int, row: AccountRow, bucket: Bucket, into: Bucket = AVAILABLE) -> None:
        """Give an account its own money back from one of its buckets, frozen or not."""
        if amount:
            if row.numbers[bucket] < amount:
                raise AssertionError(f"{row.facts.name} holds less in {bucket.label} than its own holds say")
            self._shift(row, bucket, -amount)
            self.give(row, into, amount)

    def lapse(self, amount: int, row: AccountRow, receiver: AccountRow) -> None:
        """What is left of a grant that is over goes where it came from, whoever brings it about."""
        if amount:
            self._shift(row, Bucket.PROMO, -amount)
            self.give(receiver, AVAILABLE, amount)

    def unspend(self, use: Use) -> None:
        """Put what a grant has paid back into it, which keeps its date."""
        purse, grant = granted(self, use)
        grant.spent -= use.amount
        purse.touch(grant)

    def grants_for(self, payer: AccountRow, *, asked: bool = False) -> list[Grant]:
        """The grants that may pay for what this command is about, in their order; `asked`: for promotional money."""
        purse = self.find(PurseRow, payer.facts.id)
        return purse.payable(at=self.now, model=self.model, asked=asked) if purse else []

    def has(self, payer: AccountRow, grants: Iterable[Grant] = ()) -> int:
        """What an account can pay with, by these grants, its own money and its credit line."""
        return sum(grant.left for grant in grants) + payer.numbers[AVAILABLE] + payer.credit_left

    def draw_grants(
        self, payer: AccountRow, amount: int, target: tuple[AccountRow, Bucket], *, asked: bool = False
    ) -> list[Use]:
        """Pay as much of an amount as grants are there for, into a bucket; into its own it is set aside.

        Refuses: as `take`, InsufficientFunds where all that there is is less than the amount.
        """
        grants = self.grants_for(payer, asked=asked)
        if not amount or not grants:
            return []
        self.require_payer(payer)
        require_open(payer)
        if self.has(payer, grants) < amount:
            raise short(payer, AVAILABLE, amount, self.has(payer, grants))
        purse = self.rows[PurseRow, payer.facts.id]
        own = target[0].facts.id == payer.facts.id
        part = min(amount, sum(grant.left for grant in grants))
        uses: list[Use] = (purse.hold if own else purse.spend)(part, grants)
        self.move(part, (payer, Bucket.PROMO), target)
        return uses

    def pay_out(
        self, amount: int, payer: AccountRow, target: tuple[AccountRow, Bucket], *, asked: bool = False
    ) -> None:
        """Pay by the grants that are for it, in their order, and then with the account's own money.

        Refuses: CurrencyMismatch, NormalBalanceMismatch, and as `take`.
        """
        require_alike(payer, target[0])
        uses = self.draw_grants(payer, amount, target, asked=asked)
        self.uses += uses
        self.move(amount - sum(use.amount for use in uses), (payer, AVAILABLE), target)

    def draw(self, row: AccountRow, amount: int) -> None:
        """Turn credit into available money. Refuses: Forbidden, AccountClosed, AccountFrozen, CreditLimitExceeded."""
        self.require_payer(row)
        require_open(row)
        if amount > row.credit_left:
            raise CreditLimitExceeded(
                account=row.facts.name, asked=str(amount), left=str(row.credit_left), limit=str(row.credit_limit)
            )
        self._shift(row, CREDIT_USED, amount)
        self._shift(row, AVAILABLE, amount)

    def repay(self, row: AccountRow, amount: int) -> None:
        """Pay drawn credit back from `available`.

        Refuses: Forbidden, AccountClosed, AccountFrozen, RepaymentExceedsCredit, InsufficientFunds.
        """
        self.require_payer(row)
        require_open(row)
        used, has = row.numbers[CREDIT_USED], row.numbers[AVAILABLE]
        if amount > used:
            raise RepaymentExceedsCredit(account=row.facts.name, asked=str(amount), used=str(used))
        if amount > has:
            raise short(row, AVAILABLE, amount, has)
        self._shift(row, CREDIT_USED, -amount)
        self._shift(row, AVAILABLE, -amount)

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

    @property
    def moved(self) -> bool:
        """Whether this command has moved anything."""
        return bool(self._lines)

    def stored_entry(self, entry_id: UUID) -> EntryRow:
        """An entry that was posted before, with its lines."""
        entry = self.find(EntryRow, entry_id)
        if entry is None:
            raise EntryNotFound(entry=ids.show("ent", entry_id))
        return entry

    def places(self) -> dict[str, int]:
        return {line.account.ref: place for place, line in reversed(list(enumerate(self._lines)))}

    def finish(self) -> None:
        if self._lines and self.entry is None:
            raise AssertionError("the plan moved money and wrote no entry")
        if not self._pays_for_the_platform:
            self._require_nothing_made()
        if self.budgets and not self.command.unbudgeted:
            self.charge_payments(self._changes())
        for key, net in self._net.items():
            row = self.rows[AccountRow, key]
            row.total_in += max(net, 0)
            row.total_out += max(-net, 0)
            if row.total_in >= LIMIT or row.total_out >= LIMIT:
                raise AmountOverflow(account=row.facts.name, bucket="total")
        touched = [each for row in self.rows.values() if isinstance(row, PurseRow) for each in row.touched.values()]
        if touched:
            self.result["grants"] = [grant.document() for grant in touched]
        super().finish()

    def _changes(self) -> Iterable[tuple[AccountFacts, int]]:
        """By how much each account has more or less at its own disposal."""
        changes: dict[UUID, tuple[AccountFacts, int]] = {}
        for line in self._lines:
            if line.bucket in SPENDABLE:
                _, so_far = changes.get(line.account.id, (line.account, 0))
                changes[line.account.id] = line.account, so_far + line.value
        return changes.values()

    def _require_nothing_made(self) -> None:
        """No entry of others raises what all holders have together: what one gets, another gives. Refuses: Forbidden.

        Holders are the accounts with a floor on the credit side; an asset that grows beside them is no giver.
        """
        made: dict[str, int] = {}
        for key, net in self._net.items():
            facts = self.rows[AccountRow, key].facts
            if facts.sign < 0 and not facts.unbounded:
                made[facts.currency] = made.get(facts.currency, 0) + net
        if any(total > 0 for total in made.values()):
            raise Forbidden(scope=PLATFORM, reason="the entry makes money")


def require_different(payer: AccountRow, receiver: AccountRow) -> None:
    """Refuses: SameAccount."""
    if payer.facts.id == receiver.facts.id:
        raise SameAccount(account=payer.facts.name)


def require_alike(payer: AccountRow, receiver: AccountRow) -> None:
    """Refuses: CurrencyMismatch, NormalBalanceMismatch."""
    source, target = payer.facts, receiver.facts
    if source.currency != target.currency:
        raise CurrencyMismatch(account=target.name, currency=target.currency, expected=source.currency)
    if source.sign != target.sign:
        raise NormalBalanceMismatch(account=target.name, type=target.type, expected=source.type)


def short(row: AccountRow, bucket: Bucket, required: int, available: int) -> InsufficientFunds:
    """The refusal of an amount that is more than there is."""
    return InsufficientFunds(
        account=row.facts.name,
        bucket=bucket.label,
        required=str(required),
        available=str(available),
        shortfall=str(required - available),
        currency=row.facts.currency,
    )


def require_open(row: AccountRow) -> None:
    """Refuses: AccountClosed, AccountFrozen."""
    if row.status != "open":
        raise (AccountClosed if row.status == "closed" else AccountFrozen)(account=row.facts.name)
