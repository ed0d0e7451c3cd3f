"""record_usage: priced by the version in force, charged to the last fraction, once."""

import random
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from fractions import Fraction

import pytest
from django.db import connections

from accounts.budgets.errors import BudgetExceeded
from accounts.errors import InsufficientFunds
from journal.replay import replay
from ledger_project.kernel import clock
from ledger_project.log.executor import Done
from ledger_project.testing.hostile import APP, attempt
from ledger_project.testing.ledger import Ledger
from ledger_project.usage.errors import (
    AmbiguousRate,
    NoPrice,
    PriceBookNotFound,
    UnpricedMetric,
    UsageDiffers,
    UsageTooOld,
)
from ledger_project.usage.models import Meter, Usage

RATES = [
    {"model": "gpt-*", "metric": "input_tokens", "price": "0.0003"},
    {"model": "gpt-*", "metric": "output_tokens", "price": "0.0011"},
    {"model": "gpt-4o", "metric": "input_tokens", "price": "250", "per": 1000},
    {"model": "batch", "metric": "requests", "tiers": [{"up_to": 10, "price": "5"}, {"price": "1"}]},
]
USED = {"book": "llm", "model": "gpt-3.5", "metrics": {"input_tokens": 1204, "output_tokens": 388}}
EACH = Fraction(1204 * 3, 10_000) + Fraction(388 * 11, 10_000)


@pytest.fixture
def books(ledger: Ledger) -> Ledger:
    ledger.open("ada", funded=1000)
    ledger.run("publish_prices", book="llm", rates=RATES, effective_at="2026-01-01T00:00:00Z")
    return ledger


def test_what_is_charged_is_the_exact_sum_rounded_once(books: Ledger) -> None:
    for n in range(100):
        books.run("record_usage", account="ada", request_id=f"r{n}", **USED)

    assert books.balance("ada") == {"available": 1000 - int(100 * EACH)}
    meter = Meter.objects.get(tenant=books.tenant)
    assert Fraction(int(meter.remainder), 10**12) == 100 * EACH - int(100 * EACH)
    assert replay(books.tenant) == []


def test_the_most_exact_rate_prices(books: Ledger) -> None:
    answer = books.answer(
        "record_usage", account="ada", book="llm", model="gpt-4o", metrics={"input_tokens": 8}, request_id="r"
    )

    assert (answer["usage"]["charged"], answer["usage"]["lines"][0]["rate"]) == ("2", 2)


def test_less_than_one_unit_is_an_event_without_an_entry(books: Ledger) -> None:
    small = USED | {"metrics": {"input_tokens": 1}}
    answer = books.answer("record_usage", account="ada", request_id="r", **small)

    assert (answer["entry"], answer["usage"]["charged"], answer["usage"]["remainder"]) == (None, "0", "300000000")
    assert books.balance("ada") == {"available": 1000}


def test_a_request_is_recorded_once_for_ever(books: Ledger) -> None:
    first = books.run("record_usage", account="ada", request_id="r", source="eu", **USED)
    again = books.run("record_usage", account="ada", request_id="r", source="eu", **USED)
    other = books.run("record_usage", account="ada", request_id="r", source="us", **USED)

    assert again.replayed
    assert again.document == first.document
    assert not other.replayed
    with pytest.raises(UsageDiffers) as refused:
        books.run("record_usage", account="ada", request_id="r", source="eu", **USED | {"model": "gpt-4"})
    assert refused.value.facts["fields"] == ["model"]
    assert Usage.objects.filter(tenant=books.tenant).count() == 2


def test_tiers_are_filled_by_the_month_of_the_usage(books: Ledger) -> None:
    month, before = clock.now(), clock.now() - timedelta(days=32)

    def charged(request: str, at: object, requests: int) -> str:
        answer = books.answer(
            "record_usage",
            account="ada",
            book="llm",
            model="batch",
            metrics={"requests": requests},
            request_id=request,
            at=clock.stamp(at),
        )
        return str(answer["usage"]["charged"])

    assert charged("a", month, 8) == "40"
    assert charged("b", month, 8) == str(2 * 5 + 6 * 1)
    assert charged("late", before, 8) == "40"


def test_the_version_in_force_at_the_usages_own_time_prices_it(books: Ledger) -> None:
    hour_ago = clock.stamp(clock.now() - timedelta(hours=1))
    dearer = [{"model": "*", "metric": "input_tokens", "price": "1"}]
    books.run("publish_prices", book="llm", rates=dearer)
    metrics = {"input_tokens": 10}

    now = books.answer("record_usage", account="ada", book="llm", model="gpt-3", metrics=metrics, request_id="1")
    then = books.answer(
        "record_usage", account="ada", book="llm", model="gpt-3", metrics=metrics, request_id="2", at=hour_ago
    )

    assert (now["usage"]["charged"], then["usage"]["charged"]) == ("10", "0")


@pytest.mark.parametrize(
    ("refusal", "arguments"),
    [
        (PriceBookNotFound, {"book": "other"}),
        (UnpricedMetric, {"metrics": {"images": 1}}),
        (UsageTooOld, {"at": "2026-01-02T00:00:00Z"}),
        (InsufficientFunds, {"model": "gpt-4o", "metrics": {"input_tokens": 4004}}),
    ],
)
def test_what_cannot_be_charged_leaves_nothing(
    books: Ledger, refusal: type[Exception], arguments: dict[str, object]
) -> None:
    with pytest.raises(refusal):
        books.run("record_usage", account="ada", request_id="r", **USED | arguments)

    assert Meter.objects.filter(tenant=books.tenant).count() == 0
    books.run("record_usage", account="ada", request_id="r", **USED)


def test_usage_before_the_first_version_has_no_price(books: Ledger) -> None:
    books.run("publish_prices", book="new", rates=RATES)

    with pytest.raises(NoPrice):
        at = clock.stamp(clock.now() - timedelta(hours=1))
        books.run("record_usage", account="ada", request_id="r", at=at, **USED | {"book": "new"})


def test_two_rates_that_tie_are_not_published(books: Ledger) -> None:
    tie = [{"model": "a*", "metric": "m", "price": "1"}, {"model": "*a", "metric": "m", "price": "1"}]
    with pytest.raises(AmbiguousRate):
        books.run("publish_prices", book="x", rates=tie)


def test_a_budget_for_models_sees_usage_of_these(books: Ledger) -> None:
    books.run("set_budget", name="big", account="ada", window="day", limit=3, models=["gpt-4*"])
    books.run("record_usage", account="ada", request_id="small", **USED | {"metrics": {"output_tokens": 90_000}})

    with pytest.raises(BudgetExceeded):
        big = USED | {"model": "gpt-4o", "metrics": {"input_tokens": 16}}
        books.run("record_usage", account="ada", request_id="big", **big)


def test_in_any_order_in_bulks_and_with_repeats_it_is_the_same(books: Ledger) -> None:
    chance = random.Random(7)
    calls = [
        {"request_id": f"r{n}", **USED, "metrics": {"input_tokens": chance.randrange(900), "output_tokens": n}}
        for n in range(200)
    ]
    exact = sum(
        Fraction(3, 10_000) * call["metrics"]["input_tokens"] + Fraction(11, 10_000) * call["metrics"]["output_tokens"]
        for call in calls
    )
    shuffled = calls + chance.sample(calls, 20)
    chance.shuffle(shuffled)

    results = books.execute(*(books.call("record_usage", account="ada", **call) for call in shuffled))

    assert all(isinstance(result, Done) for result in results)
    assert sum(result.replayed for result in results if isinstance(result, Done)) == 20
    assert books.balance("ada") == {"available": 1000 - int(exact)}
    assert replay(books.tenant) == []


def test_postgresql_lets_nobody_change_what_was_published_or_recorded(books: Ledger) -> None:
    books.run("record_usage", account="ada", request_id="r", **USED)

    for table in ("usage_priceversion", "usage_usage"):
        assert "permission denied" in str(attempt(APP, f"DELETE FROM {table} WHERE tenant_id = {books.tenant}"))


def test_many_at_once_are_charged_the_exact_sum(books: Ledger) -> None:
    def record(n: int) -> None:
        try:
            books.run("record_usage", key=f"k{n}", account="ada", request_id=f"r{n % 160}", **USED)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(record, range(200)))

    assert Usage.objects.filter(tenant=books.tenant).count() == 160
    assert books.balance("ada") == {"available": 1000 - int(160 * EACH)}
    assert replay(books.tenant) == []
