"""The offline verifier prices all usage again: what is wrong is found with its index, although the ledger signed it."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from ledger_project.log.documents import read
from ledger_project.log.executor import look
from ledger_project.log.models import Event
from ledger_project.testing.ledger import Ledger
from ledger_project.testing.offline import verifier

RATES = [
    {"model": "gpt-*", "metric": "tokens", "price": "0.0003"},
    {"model": "t", "metric": "requests", "tiers": [{"up_to": 2, "price": "5"}, {"price": "1.5"}]},
]
Events = list[dict[str, Any]]
GPT = {"account": "ada", "book": "llm", "model": "gpt-4"}


@pytest.fixture
def events(ledger: Ledger) -> Events:
    ledger.open("ada", funded=100)
    ledger.run("publish_prices", book="llm", rates=RATES, effective_at="2026-01-01T00:00:00Z", markup_bps=500)
    ledger.run("grant", account="ada", amount=3)

    def record(request: str, metrics: dict[str, int], **given: Any) -> str:
        used = {**GPT, "metrics": metrics, "request_id": request, **given}
        return str(ledger.answer("record_usage", **used)["usage"]["id"])

    first = record("1", {"tokens": 12_345})
    record("2", {"requests": 3}, model="t")
    hold = ledger.answer("authorize_usage", **GPT, metrics={"tokens": 100_000})["hold"]["id"]
    big = record("3", {"tokens": 400_000}, hold=hold)
    ledger.run("mint", account="ada", amount=100)
    late = record("4", {"requests": 2}, model="t")
    less = ledger.answer("correct_usage", usage=first, metrics={"tokens": 99})["usage"]["id"]
    ledger.run("correct_usage", usage=late, metrics={"requests": 0})
    ledger.run("collect_uncovered", usage=big, amount=4)
    ledger.run("publish_prices", book="llm", rates=RATES[:1], effective_at="2026-02-01T00:00:00Z", minimum="0.2")
    ledger.run("correct_usage", usage=less, reprice=True)
    keys = Event.objects.filter(tenant=ledger.tenant).order_by("id").values_list("id", flat=True)
    return [read([key], look)[key][0] for key in keys]


def priced(events: Events) -> tuple[int, int | None]:
    """The exit code, and the index that is named."""
    books = verifier.PriceBooks()
    try:
        for index, event in enumerate(events):
            books.take(event, index)
        books.close()
    except verifier.Failure as failure:
        return failure.code, failure.facts["log_index"]
    return 0, None


def place(events: Events, type: str, nth: int = 0) -> int:
    return [index for index, event in enumerate(events) if event["type"] == type][nth]


def test_what_the_ledger_has_priced_is_priced_alike(events: Events) -> None:
    assert priced(events) == (0, None)
    assert sum(event["type"].startswith("usage.") for event in events) == 9


def _changed(*path: Any, to: Any) -> Callable[[dict[str, Any]], None]:
    def change(event: dict[str, Any]) -> None:
        for name in path[:-1]:
            event = event[name]
        assert event[path[-1]] != to
        event[path[-1]] = to

    return change


@pytest.mark.parametrize(
    ("type", "nth", "change"),
    [
        ("usage.recorded", 0, _changed("result", "usage", "metrics", "tokens", to=12_346)),
        ("usage.recorded", 0, _changed("result", "usage", "lines", 0, "cost", to="1")),
        ("usage.recorded", 0, _changed("result", "usage", "remainder", to="1")),
        ("usage.recorded", 0, _changed("result", "usage", "cost", to="1")),
        ("usage.recorded", 1, _changed("result", "usage", "charged", to="13")),
        ("usage.recorded", 2, _changed("result", "usage", "uncovered", to="0")),
        ("usage.recorded", 2, _changed("entry", to=None)),
        ("usage.recorded", 3, _changed("result", "usage", "lines", 0, "rate", to=0)),
        ("usage.corrected", 0, _changed("result", "usage", "metrics", "tokens", to=98)),
        ("usage.corrected", 2, _changed("result", "usage", "cost", to="1")),
        ("usage.collected", 0, _changed("result", "usage", "uncovered", to="0")),
    ],
)
def test_one_wrong_number_is_found_with_its_index(
    events: Events, type: str, nth: int, change: Callable[[dict[str, Any]], None]
) -> None:
    forged = copy.deepcopy(events)
    index = place(events, type, nth)
    change(forged[index])

    assert priced(forged) == (verifier.PRICES, index)


def test_one_changed_rate_is_found_at_the_first_that_it_priced(events: Events) -> None:
    forged = copy.deepcopy(events)
    forged[place(events, "prices.published")]["result"]["price_version"]["rates"][0]["price"] = "0.0004"

    assert priced(forged) == (verifier.PRICES, place(events, "usage.recorded"))


def test_a_version_that_was_not_in_force_is_found(events: Events) -> None:
    forged = copy.deepcopy(events)
    forged[place(events, "prices.published")]["result"]["price_version"]["effective_at"] = "2099-01-01T00:00:00.000000Z"

    assert priced(forged) == (verifier.PRICES, place(events, "usage.recorded"))
