"""Price books, exactly: what usage costs, in units of 10⁻¹² minor units, and what of it is charged.

No float and no rounding but one: a book is refused whose unit prices, markup included, are not whole numbers of 10⁻¹²
minor units, so every product is exact. What is charged is the whole part of the sum of all costs so far; the rest, less
than one minor unit, is carried to the next charge.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from typing import Any

from ledger_project.usage.errors import AmbiguousRate, InvalidRate, UnpricedMetric

SCALE = 10**12
BASIS_POINTS = 10_000
MODELS_KEPT = 10_000  # of a version, with what prices them
Used = Mapping[str, int]  # by the key of a rate with tiers: what was used of it before, in the month


@dataclass(frozen=True, slots=True)
class Tier:
    """`price` is that of one unit, up to and with the unit `up_to` of a month; None is without end."""

    up_to: int | None
    price: int


@dataclass(frozen=True, slots=True)
class Rate:
    """What one metric of the models that fit a pattern costs; `index` is its place in the book."""

    index: int
    model: str
    metric: str
    tiers: tuple[Tier, ...]

    @property
    def key(self) -> str:
        """Under what its quantities are counted where it has tiers; the same in every version that has this rate."""
        return f"{self.model} {self.metric}"

    @property
    def graduated(self) -> bool:
        return len(self.tiers) > 1

    @property
    def exactness(self) -> tuple[bool, int]:
        """A model's own name before patterns, a pattern with more letters before one with fewer."""
        return not is_pattern(self.model), sum(character not in "*?" for character in self.model)

    def cost(self, quantity: int, before: int) -> int:
        """What the next units cost, after `before` of the same month."""
        total, start = 0, before
        for tier in self.tiers:
            end = start + quantity if tier.up_to is None else min(start + quantity, tier.up_to)
            if end > start:
                total += (end - start) * tier.price
                quantity -= end - start
                start = end
        return total

    def change(self, quantity: int, before: int) -> int:
        """What it costs that a month's `before` units become more by `quantity`, or less: then it is below zero."""
        return self.cost(quantity, before) if quantity >= 0 else -self.cost(-quantity, before + quantity)

    def most(self, quantity: int) -> int:
        """What so many units can cost at most, wherever in a month's tiers they fall."""
        ends = [tier.up_to for tier in self.tiers if tier.up_to is not None]
        return max(self.cost(quantity, start) for start in {0, *ends, *(max(0, end - quantity) for end in ends)})


@dataclass(frozen=True, slots=True)
class Line:
    """One metric of a usage, by which rate it was priced, and what it costs."""

    metric: str
    quantity: int
    rate: int
    cost: int

    def document(self) -> dict[str, Any]:
        return {"metric": self.metric, "quantity": self.quantity, "rate": self.rate, "cost": str(self.cost)}

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> "Line":
        return cls(document["metric"], document["quantity"], document["rate"], int(document["cost"]))


@dataclass(frozen=True, slots=True)
class Priced:
    """What a usage costs, and by how much it changes what is counted of each rate with tiers."""

    lines: tuple[Line, ...]
    cost: int
    counted: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class PriceList:
    """The rates of one version of a price book; `minimum` is what one usage costs at least."""

    rates: tuple[Rate, ...]
    minimum: int
    graduated: bool
    _known: dict[tuple[str, str], Rate] = field(default_factory=dict, compare=False)

    def rate(self, model: str, metric: str) -> Rate:
        """The most exact rate. Refuses: UnpricedMetric."""
        known = self._known.get((model, metric))
        if known is None:
            if len(self._known) >= MODELS_KEPT:
                self._known.clear()
            known = self._known[model, metric] = self._find(model, metric)
        return known

    def _find(self, model: str, metric: str) -> Rate:
        fitting = [rate for rate in self.rates if rate.metric == metric and fits(rate.model, model)]
        if not fitting:
            raise UnpricedMetric(model=model, metric=metric)
        return max(fitting, key=lambda rate: rate.exactness)

    def price(self, model: str, metrics: Mapping[str, int], used: Used) -> Priced:
        """What these quantities cost. Refuses: UnpricedMetric."""
        lines, counted = [], {}
        for metric, quantity in sorted(metrics.items()):
            rate = self.rate(model, metric)
            lines.append(Line(metric, quantity, rate.index, rate.cost(quantity, used.get(rate.key, 0))))
            if rate.graduated:
                counted[rate.key] = quantity
        return Priced(tuple(lines), self._at_least(lines), counted)

    def reprice(self, model: str, metrics: Mapping[str, int], before: Iterable[Line], used: Used) -> Priced:
        """What a usage costs whose quantities were others: as if the last units of its month were more, or less.

        So all usage of a month costs together what its sum does; the lines of one that was corrected to less keep what
        those after it would have cost more. Refuses: UnpricedMetric.
        """
        old = {line.metric: line for line in before}
        lines, counted = [], {}
        for metric in sorted(old.keys() | metrics.keys()):
            was, quantity = old.get(metric), metrics.get(metric, 0)
            rate = self.rates[was.rate] if was else self.rate(model, metric)
            more = quantity - (was.quantity if was else 0)
            cost = (was.cost if was else 0) + rate.change(more, used.get(rate.key, 0))
            if metric in metrics or cost:
                lines.append(Line(metric, quantity, rate.index, cost))
            if rate.graduated:
                counted[rate.key] = more
        return Priced(tuple(lines), self._at_least(lines), counted)

    def most(self, model: str, metrics: Mapping[str, int]) -> int:
        """What these quantities, or less, can cost at most. Refuses: UnpricedMetric."""
        return max(self.minimum, sum(self.rate(model, metric).most(quantity) for metric, quantity in metrics.items()))

    def graduates(self, lines: Iterable[Line]) -> tuple[Rate, ...]:
        """The rates with tiers among those of these lines."""
        return tuple(rate for line in lines if (rate := self.rates[line.rate]).graduated)

    def _at_least(self, lines: Iterable[Line]) -> int:
        total = sum(line.cost for line in lines)
        return max(self.minimum, total) if self.minimum else total


def whole(cost: int) -> int:
    """The minor units that certainly cover a cost, whatever is carried from before."""
    return -(-cost // SCALE)


def settle(remainder: int, cost: int) -> tuple[int, int]:
    """Whole minor units to charge, or to give back, and what is carried on: from 0 up to less than one."""
    return divmod(remainder + cost, SCALE)


def read_prices(rates: Iterable[Mapping[str, Any]], *, markup_bps: int = 0, minimum: str = "0") -> PriceList:
    """A version's rates as a caller writes them: `{model, metric, per, price}` or with `tiers: [{up_to, price}]`.

    Prices are decimals of minor units for `per` units. Refuses: InvalidRate, AmbiguousRate.
    """
    markup = Fraction(BASIS_POINTS + markup_bps, BASIS_POINTS)
    found = tuple(_read(index, rate, markup) for index, rate in enumerate(rates))
    for index, rate in enumerate(found):
        for other in found[:index]:
            if (
                rate.metric == other.metric
                and rate.exactness == other.exactness
                and (rate.model == other.model or (is_pattern(rate.model) and overlap(rate.model, other.model)))
            ):
                raise AmbiguousRate(rates=[other.index, rate.index], metric=rate.metric)
    return PriceList(found, _units(Fraction(minimum), None), any(rate.graduated for rate in found))


def _read(index: int, rate: Mapping[str, Any], markup: Fraction) -> Rate:
    given = rate.get("tiers") or [{"up_to": None, "price": rate.get("price")}]
    tiers = []
    for tier in given:
        if tier["price"] is None or (rate.get("tiers") and rate.get("price") is not None):
            raise InvalidRate(rate=index, reason="it has a price or tiers, one of the two")
        tiers.append(Tier(tier.get("up_to"), _units(Fraction(tier["price"]) * markup / rate["per"], index)))
    ends = [tier.up_to for tier in tiers]
    numbers = [end for end in ends if end is not None]
    if ends[-1] is not None or None in ends[:-1] or numbers != sorted(set(numbers)):
        raise InvalidRate(rate=index, reason="tiers end at growing quantities, and the last one never")
    return Rate(index, rate["model"], rate["metric"], tuple(tiers))


def _units(price: Fraction, index: int | None) -> int:
    """A price in units of 10⁻¹². Refuses: InvalidRate, where it is not a whole number of them."""
    scaled = price * SCALE
    if scaled.denominator != 1:
        raise InvalidRate(rate=index, reason="with its markup one unit's price has more than twelve decimals")
    return scaled.numerator


def is_pattern(model: str) -> bool:
    return "*" in model or "?" in model


@lru_cache(maxsize=100_000)
def fits(pattern: str, model: str) -> bool:
    """Whether a model's name fits a pattern: `*` is any characters, `?` is one, all others are themselves."""
    reached = {0}
    for character in model:
        reached = {
            after
            for place in _through(reached, pattern)
            if place < len(pattern)
            for after in ((place,) if pattern[place] == "*" else (place + 1,))
            if pattern[place] in ("*", "?", character)
        }
    return len(pattern) in _through(reached, pattern)


def _through(places: Iterable[int], pattern: str) -> set[int]:
    """Where one may stand in the pattern, a `*` that stands for nothing passed by."""
    found = set(places)
    for place in sorted(found):
        while place < len(pattern) and pattern[place] == "*":
            place += 1
            found.add(place)
    return found


def overlap(one: str, other: str) -> bool:
    """Whether some name fits both patterns."""
    seen, waiting = set(), [(0, 0)]
    while waiting:
        place = waiting.pop()
        if place in seen:
            continue
        seen.add(place)
        a, b = place
        if a == len(one) and b == len(other):
            return True
        if a < len(one) and one[a] == "*":
            waiting += [(a + 1, b), *([(a, b + 1)] if b < len(other) else [])]
        if b < len(other) and other[b] == "*":
            waiting += [(a, b + 1), *([(a + 1, b)] if a < len(one) else [])]
        both = a < len(one) and b < len(other) and "*" not in (one[a], other[b])
        if both and (one[a] == other[b] or "?" in (one[a], other[b])):
            waiting.append((a + 1, b + 1))
    return False
