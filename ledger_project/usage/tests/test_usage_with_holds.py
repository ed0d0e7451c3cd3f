"""authorize_usage, record_usage with its hold, correct_usage and collect_uncovered, to the unit."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from fractions import Fraction
from typing import Any

import pytest
from django.db import connections

from accounts.budgets.errors import BudgetExceeded
from accounts.errors import CurrencyMismatch, InsufficientFunds
from holds.errors import CaptureExceedsHold, HoldNotFound, HoldNotPending
from holds.models import Hold
from journal.errors import NotRefundable, NotReversible
from journal.replay import replay
from ledger_project.kernel import clock
from ledger_project.kernel.errors import InvalidRequest, Refusal
from ledger_project.testing.ledger import Ledger
from ledger_project.usage.errors import (
    LateUsageRecorded,
    NothingToCorrect,
    NothingUncovered,
    UsageNotFound,
    UsageSuperseded,
)
from ledger_project.usage.models import Usage

RATES = [
    {"model": "gpt", "metric": "tokens", "price": "1"},
    {"model": "tiny", "metric": "tokens", "price": "0.0003"},
    {"model": "free", "metric": "tokens", "price": "0"},
    {"model": "dearer", "metric": "tokens", "tiers": [{"up_to": 10, "price": "1"}, {"price": "5"}]},
    {"model": "cheaper", "metric": "tokens", "tiers": [{"up_to": 10, "price": "5"}, {"price": "1"}]},
]
GPT = {"account": "ada", "book": "llm", "model": "gpt"}


@pytest.fixture
def books(ledger: Ledger) -> Ledger:
    ledger.open("ada", funded=200)
    ledger.run("publish_prices", book="llm", rates=RATES, effective_at="2026-01-01T00:00:00Z")
    return ledger


def authorize(books: Ledger, tokens: int, **given: Any) -> str:
    return str(books.answer("authorize_usage", **GPT | {"metrics": {"tokens": tokens}} | given)["hold"]["id"])


def record(books: Ledger, tokens: int, request: str = "r", **given: Any) -> dict[str, Any]:
    return books.answer("record_usage", **GPT | {"metrics": {"tokens": tokens}, "request_id": request} | given)


def expire(hold: str, *, swept: Ledger | None = None) -> None:
    Hold.objects.using("owner").filter(pk=hold[4:]).update(expires_at=clock.now() - timedelta(seconds=1))
    if swept:
        swept.run("expire_hold", hold=hold)


def sound(books: Ledger) -> bool:
    assert replay(books.tenant) == []
    return True


def test_what_was_authorized_is_captured_and_the_rest_goes_back(books: Ledger) -> None:
    hold = authorize(books, 100, request_id="r", reason="a chat")
    assert books.balance("ada") == {"available": 100, "held": 100}

    answer = record(books, 30, hold=hold)

    assert books.balance("ada") == {"available": 170}
    assert (answer["hold"]["status"], answer["hold"]["captured"], answer["hold"]["released"]) == (
        "captured",
        "30",
        "70",
    )
    assert (answer["usage"]["charged"], answer["usage"]["hold"], answer["usage"]["late"]) == ("30", hold, False)
    assert answer["entry"]["references"] == {"hold": hold, "request_id": "r"}
    assert sound(books)


@pytest.mark.parametrize(
    ("model", "tokens", "maximum"), [("dearer", 8, 40), ("dearer", 20, 100), ("cheaper", 12, 52), ("tiny", 1, 1)]
)
def test_the_hold_is_the_most_that_it_can_cost(books: Ledger, model: str, tokens: int, maximum: int) -> None:
    answer = books.answer("authorize_usage", **GPT | {"model": model, "metrics": {"tokens": tokens}})

    assert (answer["hold"]["amount"], answer["quote"]["maximum"]) == (str(maximum), str(maximum))


def test_what_is_free_needs_no_hold(books: Ledger) -> None:
    answer = books.answer("authorize_usage", **GPT | {"model": "free", "metrics": {"tokens": 5}})

    assert (answer.get("hold"), answer["entry"], answer["quote"]["maximum"]) == (None, None, "0")


@pytest.mark.parametrize(
    ("overrun", "tokens", "charged", "uncovered", "left"),
    [
        (None, 130, 130, 0, {"available": 70}),
        ("available", 130, 130, 0, {"available": 70}),
        ("available", 230, 200, 30, {}),
        ("credit", 130, 130, 0, {"available": 70}),
        ("credit", 230, 230, 0, {"credit_used": 30}),
    ],
)
def test_a_hold_of_100_and_more_used(
    books: Ledger, overrun: str | None, tokens: int, charged: int, uncovered: int, left: dict[str, int]
) -> None:
    books.run("set_credit_limit", account="ada", credit_limit=50)
    hold = authorize(books, 100)

    answer = record(books, tokens, hold=hold, overrun=overrun)

    assert (answer["usage"]["charged"], answer["usage"]["uncovered"]) == (str(charged), str(uncovered))
    asked, paid = tokens - 100, charged - 100
    assert answer["overrun"] == {"asked": str(asked), "paid": str(paid), "uncovered": str(uncovered)}
    assert books.balance("ada") == left
    assert sound(books)


def test_overrun_may_be_refused_and_leaves_the_hold(books: Ledger) -> None:
    hold = authorize(books, 100)

    record(books, 30, "part", hold=hold, final=False)
    with pytest.raises(CaptureExceedsHold) as refused:
        record(books, 130, hold=hold, overrun="refuse")
    assert (refused.value.facts["asked"], refused.value.facts["remaining"]) == ("130", "70")
    with pytest.raises(InsufficientFunds):
        record(books, 230, hold=hold, overrun="credit")
    with pytest.raises(InvalidRequest):
        record(books, 1, overrun="refuse")

    assert books.balance("ada") == {"available": 100, "held": 70}
    record(books, 70, hold=hold, overrun="refuse")


def test_a_stream_records_several_times_against_one_hold(books: Ledger) -> None:
    hold = authorize(books, 100)

    record(books, 30, "1", hold=hold, final=False)
    record(books, 50, "2", hold=hold, final=False)
    record(books, 5, "3", hold=hold)

    assert books.balance("ada") == {"available": 115}
    with pytest.raises(HoldNotPending):
        record(books, 5, "4", hold=hold)
    assert sound(books)


@pytest.mark.parametrize("swept", [True, False])
def test_work_that_outlived_its_hold_is_paid_once_and_tied_to_it(books: Ledger, swept: bool) -> None:
    hold = authorize(books, 100)
    expire(hold, swept=books if swept else None)

    answer = record(books, 130, hold=hold)

    assert (answer["usage"]["charged"], answer["usage"]["late"], answer["usage"]["hold"]) == ("130", True, hold)
    assert books.balance("ada") == {"available": 70}
    assert Hold.objects.get(pk=hold[4:]).status == "expired"
    with pytest.raises((LateUsageRecorded, HoldNotPending)):
        record(books, 5, "again", hold=hold)
    if swept:
        assert sound(books)


def test_who_releases_the_hold_of_work_that_runs_pays_for_it_all_the_same(books: Ledger) -> None:
    hold = authorize(books, 100)
    books.run("release_hold", hold=hold)

    answer = record(books, 130, hold=hold)

    assert (answer["usage"]["charged"], answer["usage"]["late"]) == ("130", True)
    assert sound(books)


def test_of_many_that_record_late_one_does(books: Ledger) -> None:
    hold = authorize(books, 100)
    expire(hold, swept=books)

    def attempt(n: int) -> str:
        try:
            record(books, 10, f"r{n}", hold=hold)
        except Refusal as refusal:
            return refusal.code
        else:
            return "paid"
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(attempt, range(8)))

    assert sorted(told) == ["late_usage_recorded"] * 7 + ["paid"]
    assert books.balance("ada") == {"available": 190}


def test_a_hold_of_another_account_is_not_there(books: Ledger) -> None:
    books.open("bob", funded=10)
    hold = books.answer("authorize_usage", **GPT | {"account": "bob", "metrics": {"tokens": 5}})["hold"]["id"]

    with pytest.raises(HoldNotFound):
        record(books, 5, hold=hold)


def test_a_hard_budget_books_work_that_it_permitted_and_says_that_it_is_over(books: Ledger) -> None:
    books.run("set_budget", name="ada", account="ada", window="day", limit=100)
    hold = authorize(books, 100)
    with pytest.raises(BudgetExceeded):
        record(books, 1, "direct")

    answer = record(books, 130, hold=hold)

    [window] = answer["budgets"]
    assert (window["used"], window["reserved"], window["over"]) == ("130", "0", "30")
    [charge] = answer["usage"]["budgets"]
    assert charge["amount"] == "130"
    corrected = books.answer("correct_usage", usage=answer["usage"]["id"], metrics={"tokens": 90})
    [window] = corrected["budgets"]
    assert (window["used"], window["over"]) == ("90", "0")
    record(books, 10, "direct")
    assert sound(books)


def test_a_session_key_pays_what_its_caps_have_room_for(books: Ledger) -> None:
    key = books.answer("issue_session_key", account="ada", max_total=110)["session_key"]["id"]
    hold = authorize(books, 100, session_key=key)

    answer = record(books, 130, hold=hold)

    assert (answer["usage"]["charged"], answer["usage"]["uncovered"]) == ("110", "20")
    assert answer["session_key"]["spent_total"] == "110"
    assert sound(books)


def test_a_correction_posts_the_difference_and_names_what_it_follows_on(books: Ledger) -> None:
    first = record(books, 50)["usage"]["id"]

    less = books.answer("correct_usage", usage=first, metrics={"tokens": 20}, reason="counted twice")
    assert (less["usage"]["kind"], less["usage"]["follows"], less["usage"]["charged"]) == ("corrected", first, "-30")
    assert less["entry"]["references"] == {"request_id": "r", "usage": first}
    assert books.balance("ada") == {"available": 180}
    with pytest.raises(UsageSuperseded) as refused:
        books.run("correct_usage", usage=first, metrics={"tokens": 1})
    assert refused.value.facts["followed_by"] == less["usage"]["id"]
    with pytest.raises(NothingToCorrect):
        books.run("correct_usage", usage=less["usage"]["id"], metrics={"tokens": 20})
    with pytest.raises(UsageNotFound):
        books.run("correct_usage", usage=first[:4] + "0" * 32, metrics={"tokens": 20})

    more = books.answer("correct_usage", usage=less["usage"]["id"], metrics={"tokens": 60})
    assert (more["usage"]["charged"], books.balance("ada")) == ("40", {"available": 140})
    history = Usage.objects.filter(tenant=books.tenant, request_id="r").order_by("id")
    assert [(row.kind, int(row.charged)) for row in history] == [
        ("recorded", 50),
        ("corrected", -30),
        ("corrected", 40),
    ]
    assert sound(books)


def test_corrections_keep_the_exact_sum_and_the_tiers_of_the_month(books: Ledger) -> None:
    def charged(**given: Any) -> str:
        return str(record(books, **given)["usage"]["id"])

    first = charged(tokens=8, request="1", model="cheaper")
    charged(tokens=8, request="2", model="cheaper")
    assert books.balance("ada") == {"available": 200 - (10 * 5 + 6)}
    books.run("correct_usage", usage=first, metrics={"tokens": 0})
    assert books.balance("ada") == {"available": 200 - 8 * 5}

    tiny = [charged(tokens=1500 + n, request=f"t{n}", model="tiny") for n in range(20)]
    for n, usage in enumerate(tiny[::2]):
        books.run("correct_usage", usage=usage, metrics={"tokens": 700 + n})
    exact = sum(Fraction(3, 10_000) * (1500 + n if n % 2 else 700 + n // 2) for n in range(20))
    assert books.balance("ada") == {"available": 200 - 40 - int(exact)}
    assert sound(books)


def test_what_was_not_covered_is_collected_by_a_verb_of_its_own(books: Ledger) -> None:
    usage = record(books, 260, hold=authorize(books, 100))["usage"]["id"]
    assert books.balance("ada") == {}
    books.run("mint", account="ada", amount=50)

    with pytest.raises(NothingUncovered):
        books.run("collect_uncovered", usage=usage, amount=61)
    part = books.answer("collect_uncovered", usage=usage, amount=20)
    assert (part["usage"]["charged"], part["usage"]["uncovered"]) == ("20", "40")
    less = books.answer("correct_usage", usage=part["usage"]["id"], metrics={"tokens": 215})
    assert (less["usage"]["charged"], less["usage"]["uncovered"]) == ("-5", "0")
    with pytest.raises(NothingUncovered):
        books.run("collect_uncovered", usage=less["usage"]["id"])
    assert books.balance("ada") == {"available": 35}
    assert sound(books)


def test_a_charge_for_usage_has_its_own_way_back(books: Ledger) -> None:
    recorded = record(books, 50)
    corrected = books.answer("correct_usage", usage=recorded["usage"]["id"], metrics={"tokens": 20})

    for entry in (recorded["entry"]["id"], corrected["entry"]["id"]):
        with pytest.raises(NotReversible):
            books.run("reverse_entry", entry=entry)
        with pytest.raises(NotRefundable):
            books.run("refund", entry=entry)


def test_a_correction_is_taken_back_from_whoever_was_paid(books: Ledger) -> None:
    books.open("maker")
    usage = record(books, 50, to_account="maker")["usage"]["id"]
    books.run("transfer", from_account="maker", to_account="ada", amount=40)

    with pytest.raises(InsufficientFunds):
        books.run("correct_usage", usage=usage, metrics={"tokens": 30})
    books.run("correct_usage", usage=usage, metrics={"tokens": 45})

    assert (books.balance("ada"), books.balance("maker")) == ({"available": 195}, {"available": 5})


def test_usage_is_not_priced_anew_in_another_currency(books: Ledger) -> None:
    usage = record(books, 50)["usage"]["id"]
    books.run("register_currency", code="USD", scale=2)
    books.run("publish_prices", book="llm", currency="USD", rates=RATES, effective_at="2026-02-01T00:00:00Z")

    with pytest.raises(CurrencyMismatch):
        books.run("correct_usage", usage=usage, reprice=True)

    assert books.balance("ada") == {"available": 150}


def test_usage_is_priced_anew_by_the_version_in_force(books: Ledger) -> None:
    usage = record(books, 50)["usage"]["id"]
    books.run(
        "publish_prices",
        book="llm",
        rates=[{"model": "gpt", "metric": "tokens", "price": "0.5"}],
        effective_at="2026-02-01T00:00:00Z",
    )

    answer = books.answer("correct_usage", usage=usage, reprice=True)

    assert (answer["usage"]["charged"], answer["usage"]["version"] != usage) == ("-25", True)
    assert sound(books)
