"""Prices are published, in versions."""

from typing import Annotated, Any

from accounts.budgets.errors import UnknownTimeZone
from accounts.errors import CurrencyNotFound
from accounts.fields import CurrencyCode
from accounts.rows import SOLE_CURRENCY
from journal.posting import Books
from ledger_project.kernel.fields import ListField, Moment, RecordField, TextField, WholeNumberField
from ledger_project.kernel.identity import fold
from ledger_project.kernel.windows import is_zone
from ledger_project.log.command import command
from ledger_project.usage.commands.shared import BookName
from ledger_project.usage.errors import AmbiguousRate, InvalidRate
from ledger_project.usage.pricing import read_prices
from ledger_project.usage.rows import KNOWN_BOOKS, PriceVersionRow

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
Rates = Annotated[list[dict[str, Any]], ListField(RATE, minimum=1, maximum=1000)]
Markup = Annotated[int, WholeNumberField(0, 1_000_000)]
Price = Annotated[str, PRICE]
Zone = Annotated[str, TextField(maximum=64, pattern=r"[A-Za-z0-9_+/-]+")]


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
