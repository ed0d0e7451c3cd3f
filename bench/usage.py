"""Usage and budgets against plain transfers of the same ledger: what pricing, recording and permission cost."""

import itertools
from collections.abc import Callable
from pathlib import Path

from django.db import connection

from bench.books import Books, chance
from bench.harness import Case, Ratio, report, take_turns
from bench.transfers import bulk, single
from ledger_project.log.executor import Call

RATES = [
    {"model": "gpt-4o", "metric": "input_tokens", "price": "250", "per": 1_000_000},
    {"model": "gpt-4o", "metric": "output_tokens", "price": "1000", "per": 1_000_000},
]
RATIOS = [
    Ratio("record_usage over transfer, 16 callers", "record_usage, 16 callers", "transfer, 16 callers", 0.7),
    Ratio("record_usage over transfer, 1,000 at once", "record_usage, bulk of 1,000", "transfer, bulk of 1,000", 0.6),
    Ratio("one budget over 1,000 agents over none", "transfer below a budget, 16 callers", "transfer, 16 callers", 0.7),
]


def recording(books: Books) -> Callable[[], Call]:
    numbers = itertools.count()

    def call() -> Call:
        return books.ledger.call(
            "record_usage",
            account=chance.choice(books.names),
            book="llm",
            model="gpt-4o",
            metrics={"input_tokens": chance.randrange(10_000), "output_tokens": chance.randrange(1000)},
            request_id=f"r{next(numbers)}",
        )

    return call


def main(rounds: int, seconds: float) -> None:
    books, budgeted = Books(1000), Books(1000)
    books.ledger.run("publish_prices", book="llm", currency="CRD", rates=RATES, effective_at="2026-01-01T00:00:00Z")
    budgeted.ledger.run("set_budget", name="all", account_prefix="agent-", window="day", limit=10**15, currency="CRD")
    record = recording(books)

    def paid_away() -> Call:
        """To somebody who is not below the budget, so it counts there."""
        return budgeted.transfer(chance.choice(budgeted.names), "fees")

    cases = [
        Case("transfer, 16 callers", single(books.uniform), callers=16),
        Case("record_usage, 16 callers", single(record), callers=16),
        Case("transfer below a budget, 16 callers", single(paid_away), callers=16),
        Case("transfer, bulk of 1,000", bulk(books.uniform)),
        Case("record_usage, bulk of 1,000", bulk(record)),
    ]
    take_turns(cases, rounds=rounds, seconds=seconds)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM usage_usage")
        (recorded,) = cursor.fetchone()
    report(cases, RATIOS, {"usage": recorded}, to=Path("bench/results/usage.json"))
