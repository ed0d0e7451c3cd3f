"""Bills: their sum is the statement's to the unit, and of a period that is over they never change."""

import csv
import io
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from urllib.parse import urlencode

import pytest

from journal.models import Posting
from ledger_project.kernel import clock
from ledger_project.testing.api import Api, refused
from ledger_project.testing.ledger import Ledger

RATES = [
    {"model": "gpt", "metric": "input", "price": "0.3"},
    {"model": "gpt", "metric": "output", "price": "1.1"},
    {"model": "t", "metric": "requests", "tiers": [{"up_to": 2, "price": "5"}, {"price": "1.5"}]},
]
GPT = {"account": "ada", "book": "llm", "model": "gpt"}


@pytest.fixture
def books(ledger: Ledger) -> Ledger:
    ledger.open("ada", funded=100)
    ledger.open("bob", funded=100)
    ledger.run("publish_prices", book="llm", rates=RATES, effective_at="2026-01-01T00:00:00Z")
    return ledger


def record(books: Ledger, request: str, metrics: dict[str, int], **given: Any) -> str:
    used = {**GPT, "metrics": metrics, "request_id": request, **given}
    return str(books.answer("record_usage", **used)["usage"]["id"])


def ask(books: Ledger, **query: str) -> Any:
    return Api(books).get(f"/v1/accounts/ada/bill?{urlencode(query)}")


def bill(books: Ledger, **query: str) -> Any:
    return ask(books, **query).json()


def moved(books: Ledger) -> int:
    """What the statement's lines about usage add up to."""
    lines = Posting.objects.filter(
        account__name="ada", account__tenant=books.tenant, entry__kind__startswith="usage"
    ).values_list("amount", flat=True)
    return sum(map(int, lines))


def test_a_bill_says_what_was_used_and_comes_to_what_was_charged(books: Ledger) -> None:
    grant = books.answer("grant", account="ada", amount=4)["promo_grant"]["id"]
    first = record(books, "1", {"input": 7, "output": 3})
    record(books, "2", {"input": 2})
    record(books, "3", {"requests": 3}, model="t")
    books.run("correct_usage", usage=first, metrics={"input": 5, "output": 3})

    made = bill(books)

    day = clock.now().date().isoformat()
    told = [
        (line["model"], line["metric"], line["price"], line["corrects"], line["quantity"], line["exact_cost"])
        for line in made["lines"]
    ]
    assert told == [
        ("gpt", "input", "0.3 per 1", False, "9", "2.7"),
        ("gpt", "output", "1.1 per 1", False, "3", "3.3"),
        ("gpt", "input", "0.3 per 1", True, "-2", "-0.6"),
        ("t", "requests", "tiers", False, "3", "11.5"),
    ]
    assert {line["day"] for line in made["lines"]} == {day}
    assert made["books"] == [
        {"book": "llm", "exact_cost": "16.9", "carried_in": "0", "carried_out": "0.9", "due": "16"}
    ]
    assert (made["due"], made["charged"], made["corrected"], made["requests"]) == ("16", "16", "-1", 3)
    assert made["grants"] == [{"grant": grant, "amount": "4"}]
    assert made["balance"] == {"available": "88"}
    assert moved(books) == 16


def test_what_was_not_covered_and_what_was_collected_later_add_up(books: Ledger) -> None:
    hold = books.answer("authorize_usage", **GPT, metrics={"output": 50})["hold"]["id"]
    usage = record(books, "1", {"output": 100}, hold=hold)
    assert [bill(books)[name] for name in ("due", "uncovered", "charged")] == ["110", "10", "100"]

    books.run("transfer", from_account="bob", to_account="ada", amount=30)
    books.run("collect_uncovered", usage=usage, amount=4)

    made = bill(books)
    assert [made[name] for name in ("due", "uncovered", "charged", "collected")] == ["110", "6", "104", "4"]
    assert moved(books) == 104


def test_a_period_that_is_over_never_changes(books: Ledger) -> None:
    usage = record(books, "1", {"output": 9})
    today, later = clock.now().date(), (clock.now() + timedelta(days=40)).date()
    then = f"{today:%Y-%m}"
    before = bill(books, period=then)
    assert (before["due"], before["books"][0]["carried_out"]) == ("9", "0.9")

    with clock.moved(timedelta(days=40)):
        books.run("correct_usage", usage=usage, metrics={"output": 5})
        record(books, "2", {"output": 1})
        after, now = bill(books, period=then), bill(books, period=f"{later:%Y-%m}")

    assert after == before | {"balance": after["balance"]}
    assert [line["day"] for line in now["lines"]] == [today.isoformat(), later.isoformat()]
    assert now["books"] == [
        {"book": "llm", "exact_cost": "-3.3", "carried_in": "0.9", "carried_out": "0.6", "due": "-3"}
    ]
    assert (now["charged"], now["corrected"]) == ("-3", "-4")


def test_focus_adds_up_to_what_the_account_has_paid_itself(books: Ledger) -> None:
    books.answer("grant", account="ada", amount=4)
    record(books, "1", {"input": 7, "output": 13})

    rows = list(csv.DictReader(io.StringIO(ask(books, format="focus").content.decode())))

    assert [row["ChargeCategory"] for row in rows] == ["Usage", "Usage", "Adjustment", "Credit"]
    assert sum(Decimal(row["BilledCost"]) for row in rows) == 16 - 4
    assert rows[0]["BillingCurrency"] == "CRD"
    assert Fraction(rows[0]["ConsumedQuantity"]) == 7


@pytest.mark.parametrize(("form", "begins"), [("csv", b"day,book"), ("pdf", b"%PDF"), ("html", b"<!DOCTYPE html>")])
def test_every_form_is_made(books: Ledger, form: str, begins: bytes) -> None:
    record(books, "1", {"input": 7})

    answer = ask(books, format=form, period=f"{clock.now():%Y-%m}")

    assert answer.status_code == 200
    assert answer.content.startswith(begins)


def test_an_accounts_key_sees_its_own_bill_alone(books: Ledger) -> None:
    record(books, "1", {"input": 7})

    assert Api(books, "read", account="ada").get("/v1/accounts/ada/bill").json()["due"] == "2"
    refused(Api(books, "read", account="bob").get("/v1/accounts/ada/bill"), 404, "account_not_found")
