"""Prices, exactly: sums are those of fractions, rounded once, in whatever order and parts."""

from fractions import Fraction
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_project.usage.errors import AmbiguousRate, InvalidRate, UnpricedMetric
from ledger_project.usage.pricing import SCALE, PriceList, fits, overlap, read_prices, settle

BOOK = [
    {"model": "gpt-4o", "metric": "input_tokens", "price": "250", "per": 1_000_000},
    {"model": "gpt-4o", "metric": "output_tokens", "price": "1000", "per": 1_000_000},
    {"model": "gpt-*", "metric": "input_tokens", "price": "0.0003", "per": 1},
    {"model": "*", "metric": "input_tokens", "price": "0", "per": 1},
    {
        "model": "tiered",
        "metric": "requests",
        "per": 1,
        "tiers": [{"up_to": 10, "price": "5"}, {"up_to": 30, "price": "3"}, {"up_to": None, "price": "1"}],
    },
]


@pytest.fixture(scope="module")
def prices() -> PriceList:
    return read_prices(BOOK)


@pytest.mark.parametrize(
    ("model", "metrics", "cost"),
    [
        ("gpt-4o", {"input_tokens": 1204, "output_tokens": 388}, Fraction(1204 * 250 + 388 * 1000, 1_000_000)),
        ("gpt-3.5", {"input_tokens": 10}, Fraction(3, 1000)),
        ("llama", {"input_tokens": 10**9}, Fraction(0)),
        ("tiered", {"requests": 35}, Fraction(10 * 5 + 20 * 3 + 5 * 1)),
    ],
)
def test_costs_by_hand(prices: PriceList, model: str, metrics: dict[str, int], cost: Fraction) -> None:
    assert prices.price(model, metrics, {}).cost == cost * SCALE


def test_what_has_no_rate_is_never_free_by_accident(prices: PriceList) -> None:
    with pytest.raises(UnpricedMetric) as refused:
        prices.price("gpt-4o", {"images": 1}, {})

    assert refused.value.facts == {"model": "gpt-4o", "metric": "images"}


def test_markup_is_part_of_the_exact_product() -> None:
    marked = read_prices([{"model": "*", "metric": "m", "price": "0.01", "per": 1}], markup_bps=1250)

    assert marked.price("x", {"m": 7}, {}).cost == Fraction(7, 100) * Fraction(1125, 1000) * SCALE


def test_one_usage_costs_its_minimum() -> None:
    least = read_prices([{"model": "*", "metric": "m", "price": "0.01", "per": 1}], minimum="0.5")

    assert least.price("x", {"m": 7}, {}).cost == SCALE // 2
    assert least.price("x", {"m": 70}, {}).cost == SCALE * 7 // 10


@pytest.mark.parametrize(
    "rate",
    [
        {"price": "1", "per": 3},  # a third has no end
        {"price": "0.0000000000001", "per": 1},
        {"price": "1", "per": 1, "tiers": [{"up_to": None, "price": "1"}]},
        {"per": 1},
        {"per": 1, "tiers": [{"up_to": 5, "price": "1"}]},
        {"per": 1, "tiers": [{"up_to": 5, "price": "1"}, {"up_to": 5, "price": "1"}, {"up_to": None, "price": "1"}]},
        {"per": 1, "tiers": [{"up_to": None, "price": "1"}, {"up_to": None, "price": "1"}]},
    ],
)
def test_a_rate_that_cannot_be_is_refused(rate: dict[str, Any]) -> None:
    with pytest.raises(InvalidRate):
        read_prices([{"model": "*", "metric": "m", **rate}])


@pytest.mark.parametrize(
    ("one", "other", "tie"),
    [
        ("gpt-*", "gpt-*", True),
        ("a", "a", True),
        ("gpt-*", "*-gpt", True),  # gpt-gpt
        ("ab*", "ba*", False),
        ("gpt-?", "gpt-*", True),
        ("a?c", "a?d", False),
        ("gpt-4*", "gpt-*", False),  # the longer one is more exact
        ("gpt-4", "gpt-*", False),
    ],
)
def test_two_that_tie_are_refused_when_published(one: str, other: str, tie: bool) -> None:
    rates = [{"model": model, "metric": "m", "price": "1", "per": 1} for model in (one, other)]
    if tie:
        with pytest.raises(AmbiguousRate):
            read_prices(rates)
    else:
        read_prices(rates)


NAMES = ["".join(letters) for length in range(5) for letters in product("ab", repeat=length)]
patterns = st.text("ab*?", max_size=4)


def fits_simply(pattern: str, name: str) -> bool:
    """The rule, written down."""
    if not pattern:
        return not name
    if pattern[0] == "*":
        return fits_simply(pattern[1:], name) or (bool(name) and fits_simply(pattern, name[1:]))
    return bool(name) and pattern[0] in ("?", name[0]) and fits_simply(pattern[1:], name[1:])


@given(patterns, st.sampled_from(NAMES))
def test_patterns_fit_as_the_rule_says(pattern: str, name: str) -> None:
    assert fits(pattern, name) == fits_simply(pattern, name)


@given(patterns, patterns)
def test_patterns_overlap_where_a_name_fits_both(one: str, other: str) -> None:
    if any(fits(one, name) and fits(other, name) for name in NAMES):
        assert overlap(one, other)
    if not overlap(one, other):
        assert not any(fits(one, name) and fits(other, name) for name in NAMES)


costs = st.lists(st.integers(-(10**15), 10**15), max_size=30)


@given(costs, st.randoms())
def test_what_is_charged_is_the_exact_sum_rounded_once(parts: list[int], chance: Any) -> None:
    for _ in range(2):
        remainder = charged = 0
        for cost in parts:
            units, remainder = settle(remainder, cost)
            charged += units
            assert 0 <= remainder < SCALE
        assert charged == sum(parts) // SCALE
        chance.shuffle(parts)


@given(st.lists(st.integers(0, 20), max_size=12), st.randoms())
def test_tiers_of_a_month_are_filled_alike_in_any_order(quantities: list[int], chance: Any) -> None:
    prices = read_prices(BOOK)
    whole = prices.price("tiered", {"requests": sum(quantities)}, {}).cost
    for _ in range(2):
        used: dict[str, int] = {}
        total = 0
        for quantity in quantities:
            priced = prices.price("tiered", {"requests": quantity}, used)
            total += priced.cost
            used = {key: used.get(key, 0) + counted for key, counted in priced.counted.items()}
        assert total == whole
        chance.shuffle(quantities)
