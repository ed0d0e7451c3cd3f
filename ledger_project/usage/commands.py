"""Prices are published, and usage is recorded: priced, permitted by budgets, paid, once."""

import hashlib
from datetime import datetime, timedelta
from typing import Annotated, Any

from accounts.budgets.errors import UnknownTimeZone
from accounts.errors import (
    AccountClosed,
    AccountFrozen,
    AccountNotFound,
    AmountOverflow,
    CurrencyMismatch,
    CurrencyNotFound,
    InsufficientFunds,
    NormalBalanceMismatch,
    SameAccount,
)
from accounts.fields import AccountRef, CurrencyCode
from accounts.rows import SOLE_CURRENCY
from journal.commands.shared import AVAILABLE, REVENUE, references, system_account
from journal.posting import Books, require_alike, require_different
from ledger_project.kernel import clock
from ledger_project.kernel.fields import (
    ExternalRef,
    ListField,
    Metadata,
    Moment,
    RecordField,
    TextField,
    Want,
    WholeNumberField,
)
from ledger_project.kernel.identity import fold
from ledger_project.kernel.windows import is_zone, window
from ledger_project.log.command import Arguments, command
from ledger_project.usage.errors import (
    AmbiguousRate,
    InvalidRate,
    NoPrice,
    PriceBookNotFound,
    UnpricedMetric,
    UsageDiffers,
    UsageTooOld,
)
from ledger_project.usage.fields import MetricsField
from ledger_project.usage.pricing import read_prices, settle
from ledger_project.usage.rows import KNOWN_BOOKS, MeterRow, PriceVersionRow, UsageRow, Version

OLDEST, FURTHEST = timedelta(days=35), timedelta(minutes=5)

PRICE = TextField(maximum=57, pattern=r"(0|[1-9][0-9]{0,37})(\.[0-9]{1,18})?")
UP_TO = WholeNumberField(1, 2**53 - 1)
TIER = RecordField({"up_to": UP_TO, "price": PRICE}, {"up_to": None})
RATE = RecordField(
    {
        "model": TextField(maximum=128),
        "metric": TextField(maximum=64, pattern=r"[a-z][a-z0-9_.]*"),
        "per": WholeNumberField(1, 10**12),
        "price": PRICE,
        "tiers": ListField(TIER, minimum=2, maximum=20),
    },
    {"per": 1, "price": None, "tiers": None},
)
BookName = Annotated[str, TextField(maximum=128, pattern=r"[^/]+")]
Rates = Annotated[list[dict[str, Any]], ListField(RATE, minimum=1, maximum=1000)]
Markup = Annotated[int, WholeNumberField(0, 1_000_000)]
Price = Annotated[str, PRICE]
Zone = Annotated[str, TextField(maximum=64, pattern=r"[A-Za-z0-9_+/-]+")]
Model = Annotated[str, TextField(maximum=128)]
Metrics = Annotated[dict[str, int], MetricsField()]


@command(
    event="prices.published",
    refuses=(UnknownTimeZone, CurrencyNotFound, InvalidRate, AmbiguousRate),
    also_wants=lambda call: [("price_book", None), *([] if call["currency"] else [("currency", SOLE_CURRENCY)])],
    changes_rules=True,
)
def publish_prices(
    books: Books,
    *,
    book: BookName,
    rates: Rates,
    currency: CurrencyCode | None = None,
    effective_at: Moment | None = None,
    markup_bps: Markup = 0,
    minimum: Price = "0",
    time_zone: Zone = "UTC",
) -> None:
    """Publish the next version of a price book, in force from `effective_at` (now); nothing is ever edited.

    A rate is `{model, metric, price, per}`: a decimal of minor units for `per` units, or `tiers`, filled in each month
    of the book's time zone. `model` is a name or a pattern with `*` and `?`; the most exact rate wins. A
    version from the past prices what is recorded from now on, and nothing that was recorded.
    """
    if not is_zone(time_zone):
        raise UnknownTimeZone(time_zone=time_zone)
    unit = books.currency(currency)
    rates = [_said(rate) for rate in rates]
    read_prices(rates, markup_bps=markup_bps, minimum=minimum)
    known = books.batch.facts[KNOWN_BOOKS].get(fold(book), [])
    version = PriceVersionRow(
        id=books.new_id(),
        book=book,
        number=max((each.number for each in known), default=0) + 1,
        currency=unit.code,
        time_zone=time_zone,
        effective_at=effective_at or books.now,
        published_at=books.now,
        rates=rates,
        markup_bps=markup_bps,
        minimum=minimum,
    )
    books.result["price_version"] = books.add(version).document()


def _said(rate: dict[str, Any]) -> dict[str, Any]:
    """A rate without what was left out."""
    said = {name: value for name, value in rate.items() if value is not None}
    return said | ({"tiers": [dict(tier) for tier in rate["tiers"]]} if rate["tiers"] else {})


def in_force(books: Books, book: str, at: datetime) -> Version:
    """The version of a book that prices usage of this time. Refuses: PriceBookNotFound, NoPrice."""
    versions = books.batch.facts[KNOWN_BOOKS].get(fold(book))
    if not versions:
        raise PriceBookNotFound(book=book)
    found: list[Version] = [each for each in versions if each.effective_at <= at]
    if not found:
        raise NoPrice(book=book, at=clock.stamp(at), first=clock.stamp(versions[0].effective_at))
    return found[-1]


def _wants(call: Arguments) -> list[Want]:
    revenue = [] if call["to_account"] else [("beside", (call["account"], REVENUE))]
    return [*revenue, ("price_book", None), ("meter", (call["account"], call["book"]))]


def _name(call: Arguments) -> str:
    """A source gives a request one id for ever, however either is spelt."""
    named = f"{fold(call['source'] or '')}\n{fold(call['request_id'])}"
    return f"usage:{hashlib.sha256(named.encode()).hexdigest()}"


@command(
    event="usage.recorded",
    refuses=(
        UsageTooOld,
        AccountNotFound,
        SameAccount,
        PriceBookNotFound,
        NoPrice,
        CurrencyMismatch,
        NormalBalanceMismatch,
        UnpricedMetric,
        AccountClosed,
        AccountFrozen,
        InsufficientFunds,
        AmountOverflow,
    ),
    also_wants=_wants,
    identity=_name,
    differs=UsageDiffers,
)
def record_usage(
    books: Books,
    *,
    account: AccountRef,
    book: BookName,
    model: Model,
    metrics: Metrics,
    request_id: ExternalRef,
    source: ExternalRef | None = None,
    at: Moment | None = None,
    to_account: AccountRef | None = None,
    metadata: Metadata | None = None,
) -> None:
    """Price what a request used, and charge it: to `to_account`, or to `platform:revenue:{currency}`.

    The version in force at the usage's own time prices it, late or not. What of its cost is less than one minor unit is
    carried to the account's next charge in the book, so nothing drifts. A source's request is recorded once, for ever:
    so it is the tenant who records, and not an account, which could take the ids of others.
    """
    moment = at or books.now
    if not books.now - OLDEST <= moment <= books.now + FURTHEST:
        raise UsageTooOld(
            at=clock.stamp(moment), earliest=clock.stamp(books.now - OLDEST), latest=clock.stamp(books.now + FURTHEST)
        )
    payer = books.account(account)
    receiver = books.account(to_account) if to_account else system_account(books, payer, REVENUE, type="revenue")
    require_different(payer, receiver)
    version = in_force(books, book, moment)
    if version.currency != payer.facts.currency:
        raise CurrencyMismatch(account=payer.facts.name, currency=payer.facts.currency, expected=version.currency)
    require_alike(payer, receiver)

    key = payer.facts.id, fold(book)
    meter = books.find(MeterRow, key) or books.add(MeterRow(account=payer.facts.id, book=fold(book)))
    month = clock.stamp(window("month", version.time_zone, moment)[0])
    priced = version.prices.price(model, metrics, meter.counts.get(month, {}))
    charged, meter.remainder = settle(meter.remainder, priced.cost)
    if priced.counted:
        meter.count(month, dict(priced.counted))
    meter.changed = True
    books.model = model
    if charged:
        books.move(charged, (payer, AVAILABLE), (receiver, AVAILABLE))
        books.write_entry("usage", references=references(request_id=request_id, source=source), metadata=metadata)
    usage = UsageRow(
        id=books.event_id,
        account=payer.facts.id,
        version=version.id,
        source=source or "",
        request_id=request_id,
        model=model,
        metrics=metrics,
        at=moment,
        recorded_at=books.now,
        lines=[line.document() for line in priced.lines],
        cost=priced.cost,
        charged=charged,
        remainder=meter.remainder,
    )
    books.result["usage"] = books.add(usage, *usage.names).document()
    books.result["meter"] = meter.document()
