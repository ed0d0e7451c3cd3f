"""Usage at scale and in a crowd: exact sums over a trace in any order, and budgets that many race for over HTTP.

The suite runs a few; `make usage` runs the thousands, over a trace of its own with USAGE_TRACE=.
"""

import os
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from accounts.models import BudgetWindow
from holds.expiry import expire_due
from holds.traces import Usage as Row
from holds.traces import open_trace
from journal.replay import replay
from ledger_project.kernel import clock
from ledger_project.log.executor import Done
from ledger_project.log.models import Event
from ledger_project.testing.api import Api
from ledger_project.testing.ledger import Ledger
from ledger_project.testing.serving import serve
from ledger_project.usage.simulation import simulate

pytestmark = pytest.mark.slow

TRACE = os.environ.get("USAGE_TRACE")
REQUESTS = int(os.environ.get("USAGE_REQUESTS", "200"))
RACES = int(os.environ.get("USAGE_RACES", "10"))
CALLERS = 32
PRICE = Fraction(3, 10_000)
AGENTS = 200


def trace(chance: random.Random) -> list[tuple[int, int]]:
    """Tokens in and out of each request: those of a real trace, or drawn."""
    if TRACE:
        return [(row.context, row.generated) for row in open_trace(Path(TRACE)).rows if isinstance(row, Row)]
    return [(chance.randrange(1, 8000), chance.randrange(1, 500)) for _ in range(600)]


@pytest.mark.parametrize("order", ["as it came", "shuffled, in batches, a tenth repeated, a tenth corrected"])
def test_what_each_agent_is_charged_is_the_exact_sum_rounded_once(ledger: Ledger, order: str) -> None:
    chance = random.Random(11)
    rows = trace(chance)
    names = [f"agent:{n:03}" for n in range(AGENTS)]
    ledger.open(*names, funded=10**6)
    rates = [{"model": "*", "metric": name, "price": "0.0003"} for name in ("input_tokens", "output_tokens")]
    ledger.run("publish_prices", book="llm", rates=rates, effective_at="2026-01-01T00:00:00Z")
    told = dict(enumerate(rows))
    wrong = set(chance.sample(sorted(told), len(told) // 10)) if order != "as it came" else set()
    calls: list[dict[str, Any]] = [
        {
            "account": names[n % AGENTS],
            "book": "llm",
            "model": "m",
            "metrics": {"input_tokens": given + (n in wrong) * 777, "output_tokens": got},
            "request_id": f"r{n}",
        }
        for n, (given, got) in told.items()
    ]
    if wrong:
        calls += chance.sample(calls, len(calls) // 10)
        chance.shuffle(calls)

    ids: dict[str, str] = {}
    for start in range(0, len(calls), 500):
        part = calls[start : start + 500]
        results = ledger.execute(*(ledger.call("record_usage", **each) for each in part))
        for call, result in zip(part, results, strict=True):
            assert isinstance(result, Done)
            ids[call["request_id"]] = result.document["result"]["usage"]["id"]
    for n in sorted(wrong):
        metrics = {"input_tokens": told[n][0], "output_tokens": told[n][1]}
        ledger.run("correct_usage", usage=ids[f"r{n}"], metrics=metrics)

    exact = dict.fromkeys(names, Fraction(0))
    for n, row in told.items():
        exact[names[n % AGENTS]] += PRICE * sum(row)
    charged = {name: 10**6 - ledger.balance(name)["available"] for name in names}
    assert charged == {name: int(total) for name, total in exact.items()}
    assert replay(ledger.tenant) == []
    print(f"{len(rows)} requests, {order}: {sum(charged.values())} charged, exactly {float(sum(exact.values())):.4f}")


def lived(ledger: Ledger, rows: list[tuple[int, int]], limit: int) -> list[str]:
    """A trace recorded below one budget; which requests were refused."""
    names = [f"agent:{n:03}" for n in range(AGENTS)]
    ledger.open(*names, funded=10**6)
    rates = [{"model": "*", "metric": name, "price": "0.0003"} for name in ("input_tokens", "output_tokens")]
    ledger.run("publish_prices", book="llm", rates=rates, effective_at="2026-01-01T00:00:00Z")
    ledger.run("set_budget", name="all", account_prefix="agent:", window="total", limit=limit, currency="CRD")
    refused = []
    for start in range(0, len(rows), 500):
        calls = [
            ledger.call(
                "record_usage",
                account=names[n % AGENTS],
                book="llm",
                model="m",
                metrics={"input_tokens": given, "output_tokens": got},
                request_id=f"r{n}",
            )
            for n, (given, got) in enumerate(rows[start : start + 500], start)
        ]
        results = zip(calls, ledger.execute(*calls), strict=True)
        refused += [call.payload["request_id"] for call, result in results if not isinstance(result, Done)]
    return refused


def test_a_simulated_cut_of_a_budget_names_what_a_fresh_tenant_is_refused() -> None:
    rows = trace(random.Random(5))
    half = int(PRICE * sum(map(sum, rows))) // 2
    was, fresh = Ledger(), Ledger()
    assert lived(was, rows, 10**9) == []
    refused = lived(fresh, rows, half)

    unchanged = simulate(was.tenant)
    draft = {"name": "all", "account_prefix": "agent:", "window": "total", "limit": half, "currency": "CRD"}
    cut = simulate(was.tenant, drafts={"budgets": [draft]})

    assert (unchanged.refused, unchanged.changes, unchanged.lapsed) == ([], [], {})
    events = Event.objects.in_bulk([each.event[4:] for each in cut.refused])
    named = {f"evt_{key.hex}": event.payload["request_id"] for key, event in events.items()}
    assert [named[each.event] for each in cut.refused] == refused
    assert refused
    print(f"{len(rows)} requests below half of their budget: {len(refused)} refused, as a fresh tenant's are")


class Team:
    """1,000 agents below one budget that pays for some of their requests, over HTTP."""

    def __init__(self, ledger: Ledger, pays_for: int, *, levels: int = 1) -> None:
        self.ledger, self.limit = ledger, pays_for * 10
        ledger.open(*(f"team:{n:02}" for n in range(40)), funded=10**6)
        rates = [{"model": "*", "metric": "tokens", "price": "1"}]
        ledger.run("publish_prices", book="llm", rates=rates, effective_at="2026-01-01T00:00:00Z")
        above: dict[str, Any] = {}
        for level in range(levels):
            lowest = level == levels - 1
            given: dict[str, Any] = {"limit": self.limit + levels - 1 - level, **above}
            given |= {"account_prefix": "team:"} if lowest else {}
            ledger.run("set_budget", name=f"b{level}", window="total", currency="CRD", **given)
            above = {"parent": f"b{level}"}
        self.api = Api(ledger)

    def race(self, port: int, calls: int, ask: Callable[[httpx.Client, int], int]) -> list[int]:
        headers = {"Authorization": f"Bearer {self.api.token}"}
        url = f"http://127.0.0.1:{port}"
        with httpx.Client(base_url=url, headers=headers, timeout=60) as client, ThreadPoolExecutor(CALLERS) as pool:
            return list(pool.map(lambda n: ask(client, n), range(calls)))

    def most(self) -> int:
        """The most that any event says was used and promised of a budget."""
        events = Event.objects.filter(tenant=self.ledger.tenant, result__budgets__isnull=False)
        return max(
            int(each["used"]) + int(each["reserved"])
            for result in events.values_list("result", flat=True)
            for each in result["budgets"]
            if each["budget"]
        )


def used(n: int) -> dict[str, Any]:
    return {"account": f"team:{n % 40:02}", "book": "llm", "model": "m", "metrics": {"tokens": 10}}


def direct(client: httpx.Client, n: int) -> int:
    body = {**used(n), "request_id": f"r{n}"}
    return client.post("/v1/usage", json=body, headers={"Idempotency-Key": f"u{n}"}).status_code


def held(client: httpx.Client, n: int) -> int:
    made = client.post("/v1/usage/authorize", json=used(n), headers={"Idempotency-Key": f"a{n}"})
    if made.status_code != 201:
        return made.status_code
    body = {**used(n), "request_id": f"r{n}", "hold": made.json()["hold"]["id"]}
    return client.post("/v1/usage", json=body, headers={"Idempotency-Key": f"u{n}"}).status_code


RACED = [(direct, 1), (held, 3), *([(direct, 3), (held, 1)] if "USAGE_REQUESTS" in os.environ else [])]


@pytest.mark.parametrize(("ask", "levels"), RACED)
def test_a_budget_that_pays_for_some_pays_for_exactly_these(
    ledger: Ledger, ask: Callable[[httpx.Client, int], int], levels: int
) -> None:
    pays_for = REQUESTS * 137 // 1000
    team = Team(ledger, pays_for, levels=levels)
    with serve(1) as port:
        answers = team.race(port, REQUESTS, ask)

    assert (answers.count(201), answers.count(422)) == (pays_for, REQUESTS - pays_for)
    assert team.most() <= team.limit + levels - 1
    windows = BudgetWindow.objects.filter(tenant=ledger.tenant)
    assert {(int(each.used), int(each.reserved)) for each in windows} == {(team.limit, 0)}
    assert replay(ledger.tenant) == []
    print(f"{REQUESTS} at once, {CALLERS} callers, {ask.__name__}, {levels} levels: {answers.count(201)} paid")


def test_holds_that_expire_give_the_budget_back(ledger: Ledger) -> None:
    team = Team(ledger, 20)

    def promise(n: int) -> bool:
        call = ledger.call("authorize_usage", **used(n), expires_in=60)
        return isinstance(ledger.execute(call)[0], Done)

    assert sum(map(promise, range(30))) == 20
    with clock.moved(timedelta(hours=1)):
        expire_due()
        [window] = BudgetWindow.objects.filter(tenant=ledger.tenant)
        assert (int(window.used), int(window.reserved)) == (0, 0)
        assert sum(map(promise, range(30))) == 20
        expire_due()
    assert team.most() == team.limit


def test_of_four_prompts_at_once_against_a_cap_for_one_always_one_is_let_in(ledger: Ledger) -> None:
    """The race that a well-known proxy lost four times of five."""
    ledger.open("ada", funded=10**6)
    rates = [{"model": "*", "metric": "tokens", "price": "1"}]
    ledger.run("publish_prices", book="llm", rates=rates, effective_at="2026-01-01T00:00:00Z")
    api = Api(ledger)
    let_in = []
    with serve(1) as port, httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
        headers = {"Authorization": f"Bearer {api.token}"}
        for race in range(RACES):
            ledger.run("open_account", name=f"key:{race}")
            ledger.run("mint", account=f"key:{race}", amount=1000)
            ledger.run("set_budget", name=f"cap:{race}", account=f"key:{race}", window="day", limit=45)

            def prompt(n: int, race: int = race) -> int:
                body = {"account": f"key:{race}", "book": "llm", "model": "m", "metrics": {"tokens": 40}}
                key = {"Idempotency-Key": f"{race}:{n}"}
                return client.post("/v1/usage/authorize", json=body, headers=headers | key).status_code

            with ThreadPoolExecutor(4) as pool:
                let_in.append(list(pool.map(prompt, range(4))).count(201))

    assert let_in == [1] * RACES
    print(f"{RACES} races of 4 against a cap for one: {sum(let_in)} let in")
