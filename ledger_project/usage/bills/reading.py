"""A bill: what an account used in a period, what that cost by which rates, and how it was paid.

A bill goes by the time of recording, as the statement does, so the bill of a period that is over never changes: what
was put right later stands in the period in which it was posted, with the day that it is about. The sum of what was
charged is the sum of the statement's lines about usage, to the unit.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from accounts.rows import AccountFacts, Bucket
from journal import as_of
from journal.as_of import MICROSECOND, Cut
from journal.exports.reading import Period
from ledger_project.kernel import clock
from ledger_project.log.documents import load_json
from ledger_project.log.queries import read
from ledger_project.usage.pricing import SCALE

BEGINNING, END = datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)
MINIMUM = "minimum"  # the metric of what a usage costs more than its quantities, by its book's minimum


@dataclass(frozen=True, slots=True)
class BillLine:
    """A day's use of one metric of one model at one rate; `cost` in 10⁻¹² minor units. Corrections stand apart."""

    day: date
    book: str
    version: int
    model: str
    metric: str
    price: str
    corrects: bool
    quantity: int
    requests: int
    cost: int

    def document(self) -> dict[str, Any]:
        return {
            "day": self.day.isoformat(),
            "book": self.book,
            "version": self.version,
            "model": self.model,
            "metric": self.metric,
            "price": self.price,
            "corrects": self.corrects,
            "quantity": str(self.quantity),
            "requests": self.requests,
            "exact_cost": exact(self.cost),
        }


@dataclass(frozen=True, slots=True)
class BookSum:
    """What a book's usage cost in the period, and what of it was less than one minor unit and carried on."""

    book: str
    cost: int
    carried_in: int
    carried_out: int

    @property
    def due(self) -> int:
        return (self.carried_in + self.cost - self.carried_out) // SCALE

    def document(self) -> dict[str, Any]:
        return {
            "book": self.book,
            "exact_cost": exact(self.cost),
            "carried_in": exact(self.carried_in),
            "carried_out": exact(self.carried_out),
            "due": str(self.due),
        }


@dataclass(frozen=True, slots=True)
class Bill:
    """All amounts in minor units, but costs. `grants`: by grant, what it paid, less what came back to it."""

    account: AccountFacts
    period: Period
    lines: list[BillLine]
    books: list[BookSum]
    charged: int
    corrected: int
    collected: int
    uncovered: int
    grants: dict[str, int]
    balance: dict[str, str]
    requests: int

    @property
    def due(self) -> int:
        return sum(book.due for book in self.books)

    def document(self) -> dict[str, Any]:
        since, until = self.period.since, self.period.until
        return {
            "account": self.account.ref,
            "name": self.account.name,
            "currency": self.account.currency,
            "scale": self.account.scale,
            "period": {"from": since and clock.stamp(since), "to": until and clock.stamp(until)},
            "lines": [line.document() for line in self.lines],
            "books": [book.document() for book in self.books],
            "requests": self.requests,
            "due": str(self.due),
            "uncovered": str(self.uncovered),
            "charged": str(self.charged),
            "corrected": str(self.corrected),
            "collected": str(self.collected),
            "grants": [{"grant": grant, "amount": str(amount)} for grant, amount in self.grants.items()],
            "balance": self.balance,
        }


def exact(cost: int) -> str:
    """A cost as a decimal of minor units, with no more digits than it has: 361200000000 -> "0.3612"."""
    whole, part = divmod(abs(cost), SCALE)
    digits = f"{whole}.{part:012}".rstrip("0").rstrip(".")
    return f"-{digits}" if cost < 0 else digits


def bill(account: AccountFacts, period: Period) -> Bill:
    """The bill of an account for a period of recorded time."""
    where = {"account": account.id, "since": period.since or BEGINNING, "until": period.until or END}
    with as_of.one_moment():
        lines = [_line(*row) for row in read(_LINES, where)]
        books = [BookSum(name, *map(int, sums)) for name, *sums in read(_BOOKS, where)]
        ((charged, corrected, collected, uncovered, requests),) = read(_SUMS, where)
        grants = {grant: int(amount) for grant, amount in read(_GRANTS, where)}
        over = period.until is not None and period.until <= clock.now()
        found, _ = as_of.buckets(account, Cut(known_at=period.until - MICROSECOND) if over and period.until else Cut())
    return Bill(
        account,
        period,
        lines,
        books,
        charged=int(charged),
        corrected=int(corrected),
        collected=int(collected),
        uncovered=int(uncovered),
        requests=requests,
        grants=grants,
        balance={bucket.label: str(amount) for bucket, amount in zip(Bucket, found, strict=True) if amount},
    )


def _line(
    day: date,
    book: str,
    version: int,
    rates: Any,
    markup_bps: int,
    model: str,
    metric: str,
    rate: int | None,
    corrects: bool,
    quantity: Any,
    cost: Any,
    requests: int,
) -> BillLine:
    priced = load_json(rates)[rate] if rate is not None else {}
    price = f"{priced['price']} per {priced['per']}" if "price" in priced else "tiers" if "tiers" in priced else ""
    marked = f" +{exact(markup_bps * SCALE // 100)} %" if markup_bps and price else ""
    return BillLine(day, book, version, model, metric, price + marked, corrects, int(quantity), requests, int(cost))


_POSTED = """
WITH posted AS (
    SELECT usage.id, usage.kind, usage.at, usage.model, usage.version_id, usage.lines, usage.cost, usage.charged,
           usage.uncovered, usage.grants, before.version_id AS old_version, before.lines AS old_lines,
           before.cost AS old_cost, before.uncovered AS old_uncovered, before.grants AS old_grants
      FROM usage_usage AS usage LEFT JOIN usage_usage AS before ON before.id = usage.follows_id
     WHERE usage.account_id = %(account)s AND usage.recorded_at >= %(since)s AND usage.recorded_at < %(until)s
)"""
# What a correction says anew comes in, and what it replaces goes out.
_LINES = f"""
{_POSTED}, told AS (
    SELECT id, at, kind, model, version_id, lines, cost, 1 AS sign FROM posted WHERE kind <> 'collected'
     UNION ALL
    SELECT id, at, kind, model, old_version, old_lines, old_cost, -1 FROM posted WHERE kind = 'corrected'
), each AS (
    SELECT id, at, kind, model, version_id, line ->> 'metric' AS metric, (line ->> 'rate')::int AS rate,
           sign * (line ->> 'quantity')::numeric AS quantity, sign * (line ->> 'cost')::numeric AS cost
      FROM told, jsonb_array_elements(lines) AS line
     UNION ALL
    SELECT id, at, kind, model, version_id, '{MINIMUM}', NULL, 0,
           sign * (cost - coalesce((SELECT sum((line ->> 'cost')::numeric)
                                      FROM jsonb_array_elements(lines) AS line), 0))
      FROM told
)
SELECT (at AT TIME ZONE 'UTC')::date, version.book, version.number, version.rates, version.markup_bps, model, metric,
       rate, kind = 'corrected', sum(quantity), sum(cost), count(DISTINCT each.id)
  FROM each JOIN usage_priceversion AS version ON version.id = each.version_id
 GROUP BY 1, version.id, model, metric, rate, kind = 'corrected'
HAVING sum(quantity) <> 0 OR sum(cost) <> 0
 ORDER BY 1, version.book, version.number, model, kind = 'corrected', rate NULLS LAST
"""
# What an account carries in a book is in the last posting that priced anything.
_CARRIED = """
       SELECT earlier.remainder FROM usage_usage AS earlier
         JOIN usage_priceversion AS its ON its.id = earlier.version_id
        WHERE earlier.account_id = %%(account)s AND earlier.recorded_at < %%(%s)s AND earlier.kind <> 'collected'
          AND folded(its.book) = sums.meant
        ORDER BY earlier.id DESC LIMIT 1"""
_BOOKS = f"""
{_POSTED}, sums AS (
    SELECT folded(version.book) AS meant, min(version.book) AS name, sum(cost - coalesce(old_cost, 0)) AS cost
      FROM posted JOIN usage_priceversion AS version ON version.id = posted.version_id
     WHERE kind <> 'collected' GROUP BY 1
)
SELECT name, cost, coalesce(({_CARRIED % "since"}), 0), ({_CARRIED % "until"}) FROM sums ORDER BY name
"""
_SUMS = f"""
{_POSTED}
SELECT coalesce(sum(charged), 0), coalesce(sum(charged) FILTER (WHERE kind = 'corrected'), 0),
       coalesce(sum(charged) FILTER (WHERE kind = 'collected'), 0),
       coalesce(sum(uncovered - coalesce(old_uncovered, 0)), 0), count(*) FILTER (WHERE kind = 'recorded')
  FROM posted
"""
_GRANTS = f"""
{_POSTED}
SELECT use ->> 'grant', sum(sign * (use ->> 'amount')::numeric) FROM (
       SELECT 1 AS sign, use FROM posted, jsonb_array_elements(grants) AS use
        UNION ALL
       SELECT -1, use FROM posted, jsonb_array_elements(coalesce(old_grants, '[]')) AS use) AS uses
 GROUP BY 1 HAVING sum(sign * (use ->> 'amount')::numeric) <> 0 ORDER BY 1
"""
