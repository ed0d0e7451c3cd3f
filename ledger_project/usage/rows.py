"""Price books, meters and usage as the executor sees them.

A version of a price book never changes, so processes remember all of them (log/rules.py). A meter is locked before the
balances: what an account carries on, and what it used of a month's tiers, is counted under it.
"""

import json
from collections.abc import Hashable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from accounts.rows import account_key, look_up
from ledger_project.kernel.identity import fold
from ledger_project.log.caller import Caller
from ledger_project.log.lock_order import LockOrder
from ledger_project.log.rules import Rules
from ledger_project.log.table import StoredRow, TableStore, column, money, stored
from ledger_project.log.unit import Look, Query, Wants
from ledger_project.usage.pricing import PriceList, read_prices

MONTHS_KEPT = 3  # of a meter: late usage fills the tiers of its own month


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
    number: int
    currency: str
    time_zone: str
    effective_at: datetime
    prices: PriceList


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
        books.setdefault(fold(book), []).append(Version(id, number, currency, zone, effective_at, prices))
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

    def count(self, month: str, counted: dict[str, int]) -> None:
        of_month = dict(self.counts.get(month, {}))
        for rate, quantity in counted.items():
            of_month[rate] = of_month.get(rate, 0) + quantity
        kept = sorted({**self.counts, month: of_month}.items())[-MONTHS_KEPT:]
        self.counts = dict(kept)


class MeterStore(TableStore):
    """Wants: `meter` an account, by reference, and a book."""

    rank = LockOrder.METER
    row = MeterRow
    kinds = frozenset({"meter"})
    table = "usage_meter"
    key_columns = ("account_id", "book")

    def prepare(self, wants: Wants, look: Look) -> None:
        asked = {(account_key(ref), fold(book)) for ref, book in wants.refs.get("meter", ())}
        found = look_up(wants.tenant, {ref for ref, _ in asked}, look, remember=wants.committed)
        wants.refs["meter"] = {(found[ref].id, book) for ref, book in asked if ref in found}

    def reading(self, wants: Wants) -> Query | None:
        keys = list(wants.refs.get("meter", ()))
        condition = "(stored.account_id, stored.book) IN (SELECT * FROM unnest(%s::uuid[], %s::text[]))"
        accounts, books = [account for account, _ in keys], [book for _, book in keys]
        return self.columns.locked(wants.tenant, condition, accounts, books) if keys else None


@stored
class UsageRow(StoredRow):
    """What was used and charged."""

    id: UUID = column(public="usg")
    account: UUID = column("account_id", public="acc")
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
    remainder: int = money()

    times = ("recorded_at",)

    @property
    def names(self) -> tuple[Hashable, ...]:
        return ((fold(self.source), fold(self.request_id)),)

    def belongs_to(self, caller: Caller) -> bool:
        return self.account == caller.account


class UsageStore(TableStore):
    """Usage is only ever added; two of one request meet at the unique index."""

    rank = LockOrder.USAGE
    row = UsageRow
    kinds = frozenset[str]()
    table = "usage_usage"
