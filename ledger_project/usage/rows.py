"""Price books, meters and usage as the executor sees them.

A version of a price book never changes, so processes remember all of them (log/rules.py). A meter is locked before the
balances: what an account carries on, and what it used of a month's tiers, is counted under it.
"""

import json
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from accounts.rows import account_key, look_up
from journal.commands.shared import REVENUE
from journal.promo import read_uses
from ledger_project.kernel import clock, ids
from ledger_project.kernel.identity import fold
from ledger_project.log.caller import Caller
from ledger_project.log.documents import load_json
from ledger_project.log.lock_order import LockOrder
from ledger_project.log.rules import Rules
from ledger_project.log.table import StoredRow, TableStore, column, money, stored
from ledger_project.log.unit import Look, Query, Wants
from ledger_project.usage.pricing import PriceList, read_prices

MONTHS_KEPT = 3  # of a meter: late usage fills the tiers of its own month
_FOLLOWER = "(SELECT later.id FROM usage_usage AS later WHERE later.follows_id = stored.id)"


@stored
class PriceVersionRow(StoredRow):
    """A version of a price book."""

    id: UUID = column(public="prv")
    book: str = column()
    number: int = column()
    currency: str = column()
    time_zone: str = column()
    effective_at: datetime = column()
    published_at: datetime = column()
    rates: list[dict[str, Any]] = column()
    markup_bps: int = column()
    minimum: str = column()


@dataclass(frozen=True, slots=True)
class Version:
    """What processes remember of a version."""

    id: UUID
    book: str
    number: int
    currency: str
    time_zone: str
    effective_at: datetime
    prices: PriceList


Charged = tuple[UUID, datetime]  # a budget and the beginning of a window of it
Books = dict[str, list[Version]]  # by the book's name as it is compared; the version that counts stands last


def read_books(tenant: int, look: Look) -> Books:
    """A tenant's price books as they are stored."""
    books: Books = {}
    for id, book, number, currency, zone, effective_at, rates, markup, minimum in look(
        "SELECT id, book, number, currency, time_zone, effective_at, rates, markup_bps, minimum FROM usage_priceversion"
        " WHERE tenant_id = %s ORDER BY effective_at, number",
        (tenant,),
    ):
        prices = _prices(rates if isinstance(rates, str) else json.dumps(rates), markup, minimum)
        books.setdefault(fold(book), []).append(Version(id, book, number, currency, zone, effective_at, prices))
    return books


@lru_cache(maxsize=1000)
def _prices(rates: str, markup_bps: int, minimum: str) -> PriceList:
    """Read once, though a tenant's other rules change: a version does not."""
    return read_prices(json.loads(rates), markup_bps=markup_bps, minimum=minimum)


PRICE_BOOKS: Rules[Books] = Rules(read_books, {})
KNOWN_BOOKS = "price books"  # under which the batch's facts have them


class PriceVersionStore(TableStore):
    """Wants: `price_book`, all versions of all books, which nobody locks."""

    rank = LockOrder.PRICE_VERSION
    row = PriceVersionRow
    kinds = frozenset({"price_book"})
    table = "usage_priceversion"

    def prepare(self, wants: Wants, look: Look) -> None:
        wants.facts[KNOWN_BOOKS] = PRICE_BOOKS.of(wants, look)

    def reading(self, wants: Wants) -> Query | None:
        return None


@stored
class MeterRow(StoredRow):
    """What an account carries on in a book. `counts`: by month and rate, what was used of rates with tiers."""

    account: UUID = column("account_id", public="acc")
    book: str = column()
    remainder: int = money(changes=True, default=0)
    counts: dict[str, dict[str, int]] = column(changes=True, default_factory=dict)

    @property
    def key(self) -> tuple[UUID, str]:
        return self.account, self.book

    def count(self, month: str, counted: Mapping[str, int]) -> None:
        if not counted:
            return
        of_month = dict(self.counts.get(month, {}))
        for rate, quantity in counted.items():
            of_month[rate] = of_month.get(rate, 0) + quantity
        kept = sorted({**self.counts, month: of_month}.items())[-MONTHS_KEPT:]
        self.counts = dict(kept)


class MeterStore(TableStore):
    """Wants: `meter` an account, by reference, and a book; `usage_meter` what recorded usage (UUID) leads to: its
    account and meter, who was paid for it, and the budgets and grants that it was charged to."""

    rank = LockOrder.METER
    row = MeterRow
    kinds = frozenset({"meter", "usage_meter"})
    in_parts = True
    table = "usage_meter"
    key_columns = ("account_id", "book")

    def prepare(self, wants: Wants, look: Look) -> None:
        asked = {(account_key(ref), fold(book)) for ref, book in wants.refs.get("meter", ())}
        found = look_up(wants.tenant, {ref for ref, _ in asked}, look, remember=wants.committed)
        meters = {(found[ref].id, book) for ref, book in asked if ref in found}
        recorded = list(wants.refs.get("usage_meter", ()))
        for account, to_account, book, budgets, grants in look(_PARTIES, (wants.tenant, recorded)) if recorded else ():
            meters.add((account, fold(book)))
            wants.add("account", account)
            if to_account is None:
                wants.add("beside", (account, REVENUE))
            else:
                wants.add("account", to_account)
            for budget, window in map(read_charge, load_json(budgets)):
                wants.add("budget", budget)
                wants.add("budget_window", (budget, window))
            for use in read_uses(load_json(grants)):
                wants.add("promo_grant", use.grant)
            wants.add("promo_purse", account)
        wants.refs["meter"] = meters

    def reading(self, wants: Wants) -> Query | None:
        keys = list(wants.refs.get("meter", ()))
        condition = "(stored.account_id, stored.book) IN (SELECT * FROM unnest(%s::uuid[], %s::text[]))"
        accounts, books = [account for account, _ in keys], [book for _, book in keys]
        return self.columns.locked(wants.tenant, condition, accounts, books) if keys else None


_PARTIES = """
SELECT usage.account_id, usage.to_account_id, version.book, usage.budgets, usage.grants
  FROM usage_usage AS usage JOIN usage_priceversion AS version ON version.id = usage.version_id
 WHERE usage.tenant_id = %s AND usage.id = ANY(%s::uuid[])
"""


@stored
class UsageRow(StoredRow):
    """What one posting about a request says: what was used, what it was instead (`corrected`), or that more was paid
    (`collected`).

    `metrics`, `lines`, `cost`, `paid`, `uncovered`, `budgets` and `grants` are of the whole request as it stands then.
    `charged` is what this posting moved, below zero where it gave back. `uncovered` is due and was not there to take.
    """

    id: UUID = column(public="usg")
    kind: str = column(default="recorded")
    follows: UUID | None = column("follows_id", public="usg", default=None)
    account: UUID = column("account_id", public="acc")
    to_account: UUID | None = column("to_account_id", public="acc", default=None)
    version: UUID = column("version_id", public="prv")
    source: str = column()
    request_id: str = column()
    model: str = column()
    metrics: dict[str, int] = column()
    at: datetime = column()
    recorded_at: datetime = column()
    lines: list[dict[str, Any]] = column()
    cost: int = money()
    charged: int = money()
    paid: int = money(default=0)
    uncovered: int = money(default=0)
    remainder: int = money()
    hold: UUID | None = column("hold_id", public="hld", default=None)
    late: bool = column(default=False)
    budgets: list[dict[str, Any]] = column(default_factory=list)
    grants: list[dict[str, Any]] = column(default_factory=list)
    followed_by: UUID | None = column(joined=_FOLLOWER, shown=False, default=None)
    book: str = column(joined="version.book", shown=False, default="")

    times = ("recorded_at",)

    @property
    def names(self) -> tuple[Hashable, ...]:
        late = [("late", self.hold)] if self.late and self.kind == "recorded" else []
        return (*([] if self.follows else [(fold(self.source), fold(self.request_id))]), *late)

    def belongs_to(self, caller: Caller) -> bool:
        return self.account == caller.account

    @property
    def charges(self) -> dict[Charged, int]:
        """What it took of which budget's window, in the order of the windows."""
        return {read_charge(each): int(each["amount"]) for each in self.budgets}

    def add_charges(self, more: Mapping[Charged, int]) -> None:
        """Count what it took, or gave back, of budgets besides."""
        charges = self.charges
        for key, amount in more.items():
            charges[key] = charges.get(key, 0) + amount
        self.budgets = [
            {"budget": ids.show("bud", budget), "window": clock.stamp(start), "amount": str(amount)}
            for (budget, start), amount in sorted(charges.items(), key=lambda each: (each[0][1], each[0][0]))
            if amount
        ]


class UsageStore(TableStore):
    """Usage is only ever added; two of one request meet at the unique index.

    Wants: `usage` by id, which its meter is the lock of; `late_usage` of a hold, which is the lock of that.
    """

    rank = LockOrder.USAGE
    row = UsageRow
    kinds = frozenset({"usage", "late_usage"})
    in_parts = True
    table = "usage_usage"
    joins = "JOIN usage_priceversion AS version ON version.id = stored.version_id"

    def reading(self, wants: Wants) -> Query | None:
        keys, holds = list(wants.refs.get("usage", ())), list(wants.refs.get("late_usage", ()))
        if not keys and not holds:
            return None
        condition = "(stored.id = ANY(%s::uuid[]) OR (stored.late AND stored.hold_id = ANY(%s::uuid[])))"
        return f"{self.columns.select} WHERE stored.tenant_id = %s AND {condition}", (wants.tenant, keys, holds)


def read_charge(charge: dict[str, Any]) -> Charged:
    """Which window of which budget a usage was charged to."""
    budget = ids.read("bud", charge["budget"])
    if budget is None:
        raise AssertionError("what stands in a row was written by this program")
    return budget, clock.read(charge["window"])
