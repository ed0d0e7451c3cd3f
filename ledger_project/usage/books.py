"""What a plan can do with usage: find its price and its meter, pay for it, and say so."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from accounts.errors import CurrencyMismatch
from accounts.rows import AccountRow, Bucket
from accounts.sessions import SessionKeyRow
from holds.books import HoldBooks, part
from holds.errors import HoldNotFound, HoldNotPending
from holds.rows import HoldRow
from journal.commands.shared import AVAILABLE, REVENUE, system_account
from journal.posting import require_open, short
from journal.promo import part_of, read_uses
from ledger_project.kernel import clock, ids
from ledger_project.kernel.identity import fold
from ledger_project.kernel.windows import window
from ledger_project.usage.errors import (
    LateUsageRecorded,
    NoPrice,
    PriceBookNotFound,
    UsageNotFound,
    UsageSuperseded,
    UsageTooOld,
)
from ledger_project.usage.pricing import Priced, settle
from ledger_project.usage.rows import KNOWN_BOOKS, MeterRow, UsageRow, Version

OLDEST, FURTHEST = timedelta(days=35), timedelta(minutes=5)
REFUSE, AVAILABLE_ONLY, ON_CREDIT = OVERRUNS = ("refuse", "available", "credit")


class UsageBooks(HoldBooks):
    """The unit of work of commands about usage."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.usage: UsageRow | None = None

    def version(self, book: str, at: datetime, payer: AccountRow) -> Version:
        """The version of a book that prices usage of this time, in the currency of who pays.

        Refuses: PriceBookNotFound, NoPrice, CurrencyMismatch.
        """
        version = in_force(self.batch.facts[KNOWN_BOOKS], book, at)
        if version.currency != payer.facts.currency:
            raise CurrencyMismatch(account=payer.facts.name, currency=payer.facts.currency, expected=version.currency)
        return version

    def version_of(self, row: UsageRow) -> Version:
        """The version that priced a usage."""
        return next(each for each in self.batch.facts[KNOWN_BOOKS][fold(row.book)] if each.id == row.version)

    def meter(self, account: UUID, book: str) -> MeterRow:
        """What the account carries on in the book; it has changed when this has been asked for."""
        key = account, fold(book)
        meter = self.find(MeterRow, key) or self.add(MeterRow(account=account, book=fold(book)))
        meter.changed = True
        return meter

    def charge(self, meter: MeterRow, cost: int) -> int:
        """The minor units that a cost makes due with what was carried on, below zero where they are given back."""
        units, meter.remainder = settle(meter.remainder, cost)
        return units

    def recorded(self, ref: UUID) -> UsageRow:
        """Recorded usage as it stands now. Refuses: UsageNotFound, UsageSuperseded."""
        row = self.find(UsageRow, ref)
        if row is None:
            raise UsageNotFound(usage=ids.show("usg", ref))
        if row.followed_by is not None:
            raise UsageSuperseded(usage=ids.show("usg", ref), followed_by=ids.show("usg", row.followed_by))
        return row

    def follow(self, row: UsageRow, kind: str, **changes: Any) -> UsageRow:
        """A posting that follows on recorded usage; what it does not change stays."""
        later = replace(row, id=self.event_id, kind=kind, follows=row.id, recorded_at=self.now, **changes)
        row.followed_by = self.event_id  # which PostgreSQL will know from the new one
        return self.say(later)

    def say(self, row: UsageRow) -> UsageRow:
        """Note what this command says of a request; `finish` completes it."""
        self.usage = self.add(row, *row.names)
        return row

    def receiver(self, row: UsageRow, payer: AccountRow) -> AccountRow:
        """Who was paid for recorded usage."""
        if row.to_account is not None:
            return self.account(ids.show("acc", row.to_account))
        return system_account(self, payer, REVENUE, type="revenue")

    def hold_of(self, ref: UUID, payer: AccountRow) -> HoldRow:
        """The payer's own hold, open or over; its work may be recorded although it is over, once.

        Refuses: HoldNotFound, HoldNotPending, LateUsageRecorded, PaymentClaimed.
        """
        held = self.hold(ref, "hold")
        if held.account != payer.facts.id:
            raise HoldNotFound(hold=ids.show("hld", ref), kind="hold")
        if held.status == "captured":
            raise HoldNotPending(hold=ids.show("hld", ref), status=held.status)
        if self.find(UsageRow, ("late", held.id)) is not None:
            raise LateUsageRecorded(hold=ids.show("hld", ref))
        self.require_unclaimed(held)
        return held

    def pay_from_hold(self, held: HoldRow, due: int, receiver: AccountRow, overrun: str, *, final: bool) -> int:
        """Capture what is due from a hold, and take from the account what is more; answers what was not there.

        Refuses: as `pay`, and by `overrun` CaptureExceedsHold, InsufficientFunds, SpendCapExceeded, ….
        """
        ending = "expired" if held.due(self.now) else None
        if overrun == REFUSE and held.remaining and not ending:
            part(held, due)
        captured = min(due, held.remaining)
        if captured:
            self.pay(held, captured, (receiver, AVAILABLE), ending=ending)
        if held.remaining and (final or ending):
            self.give_back(held, held.remaining, ending=ending)
        more = due - captured
        uncovered = self._overrun(held, more, receiver, overrun) if more else 0
        if more:
            self.result["overrun"] = {"asked": str(more), "paid": str(more - uncovered), "uncovered": str(uncovered)}
        return uncovered

    def _overrun(self, held: HoldRow, more: int, receiver: AccountRow, overrun: str) -> int:
        """The work was permitted and is done: budgets book it, above their limits where it must be."""
        holder = self.holder(held)
        there = self.has(holder, self.grants_for(holder)) - holder.credit_left
        self.done = True
        if overrun == REFUSE and not holder.facts.unbounded and more > there:
            raise short(holder, AVAILABLE, more, there)
        require_open(holder)
        paid = more
        if overrun == AVAILABLE_ONLY and not holder.facts.unbounded:
            paid = min(more, there)
        key = self.find(SessionKeyRow, held.session_key) if held.session_key else None
        if key is not None:
            self.session_key = key.id
            if overrun == AVAILABLE_ONLY:
                paid = min(paid, key.room(at=self.now))
            if paid:
                key.require_usable(receiver=receiver.facts.id, at=self.now)
                key.charge(paid, at=self.now)
        self.pay_out(paid, holder, (receiver, AVAILABLE))
        return more - paid

    def return_payment(self, usage: UsageRow, amount: int, payer: AccountRow, receiver: AccountRow) -> None:
        """Give back a part of what was paid for usage: the account's own money first, then grants, the last one first.

        Budgets that were charged for it have it back as well. Refuses: Forbidden, AccountClosed, AccountFrozen,
        InsufficientFunds.
        """
        self.take_own(receiver, amount)
        uses = read_uses(usage.grants)
        granted = sum(use.amount for use in uses)
        own = max(0, usage.paid + amount - granted)
        from_grants = min(granted, max(0, amount - own))
        self.give(payer, AVAILABLE, amount - from_grants)
        if from_grants:
            self.give(payer, Bucket.PROMO, from_grants)
        for use in part_of(uses, granted - from_grants, from_grants):
            self.unspend(use)
        usage.grants = [use.document() for use in part_of(uses, 0, granted - from_grants)]
        for budget in {budget for budget, _ in usage.charges}:
            left = amount
            for (each, start), charged in reversed(usage.charges.items()):
                back = min(charged, left) if each == budget else 0
                if back:
                    self.return_to(budget, start, back)
                    usage.add_charges({(budget, start): -back})
                    left -= back

    def finish(self) -> None:
        """Say of the usage which budgets were charged for it, and which grants have paid."""
        super().finish()
        if self.usage is not None:
            self.usage.grants = [*self.usage.grants, *(use.document() for use in self.uses)]
            if self.charged:
                self.usage.add_charges(self.charged)
            self.result["usage"] = self.usage.document()


def in_force(books: Mapping[str, list[Version]], book: str, at: datetime) -> Version:
    """The version of a book that prices usage of this time. Refuses: PriceBookNotFound, NoPrice."""
    versions = books.get(fold(book))
    if not versions:
        raise PriceBookNotFound(book=book)
    found = [each for each in versions if each.effective_at <= at]
    if not found:
        raise NoPrice(book=book, at=clock.stamp(at), first=clock.stamp(versions[0].effective_at))
    return found[-1]


def month_of(version: Version, at: datetime) -> str:
    """The month whose tiers usage of this time fills, where the version has tiers."""
    if not version.prices.graduated:
        return ""
    return clock.stamp(window("month", version.time_zone, at)[0])


def require_recent(at: datetime, now: datetime) -> None:
    """Refuses: UsageTooOld."""
    if not now - OLDEST <= at <= now + FURTHEST:
        raise UsageTooOld(at=clock.stamp(at), earliest=clock.stamp(now - OLDEST), latest=clock.stamp(now + FURTHEST))


def lines_of(priced: Priced) -> list[dict[str, Any]]:
    return [line.document() for line in priced.lines]
