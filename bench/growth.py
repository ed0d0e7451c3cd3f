"""Whether posting and reading cost the same when the books have grown a hundredfold.

The books are filled by COPY to each size in turn, and the same work is timed at each, in one run. One account has a
thousand pages of history from the first size on; all others share what comes later.
"""

import json
import random
import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from django.db import connections

from accounts import queries as accounts
from accounts.rows import AccountFacts, account_key, look_up
from bench.harness import machine
from journal import as_of, history
from journal.exports.reading import Period
from journal.statements.formats import chunks
from ledger_project.log.executor import execute_one
from ledger_project.log.queries import read
from ledger_project.testing.copying import Rows, copy_transfers
from ledger_project.testing.ledger import Ledger

SIZES = (100_000, 1_000_000, 10_000_000)  # postings
FEW, MANY = 10_000, 1_000_000  # accounts at the first size, and at most those of each of the others
PAGE, DEEP = 50, 950  # entries, and pages
REPEATS = 300
WIDTH = 50  # of the bar
GOAL = 1.3  # of the largest size over the smallest, at most
BARE = "SELECT account_id, bucket, sum(amount) FROM journal_posting GROUP BY account_id, bucket"
chance = random.Random(1)  # noqa: S311  (which accounts, not a secret)


class Work:
    """What is timed: each a call that does it once."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.names = [f"agent-{number}" for number in range(FEW)]
        self.long = self._facts(self.names[0])
        self.deep: list[Any] | None = None
        for _ in range(DEEP):
            _, self.deep = self._page(self.deep)

    def cases(self) -> dict[str, Callable[[], Any]]:
        return {
            "post a transfer": self._post,
            "open an account": lambda: self.ledger.run("open_account", name=f"new-{time.perf_counter_ns()}"),
            "a balance": lambda: accounts.total(self.ledger.tenant, chance.choice(self.names)),
            "first page of a history": lambda: self._page(None),
            f"page {DEEP} of a history": lambda: self._page(self.deep),
            "a balance a month ago": lambda: self._balance_at(self.names[0]),
            "a statement of a month": self._statement,
        }

    def _facts(self, name: str) -> AccountFacts:
        key = account_key(name)
        return look_up(self.ledger.tenant, [key], read)[key]

    def _page(self, after: list[Any] | None) -> tuple[list[Any], list[Any] | None]:
        return history.page(self.long, "true", [], since=None, until=None, after=after, limit=PAGE)

    def _post(self) -> None:
        payer, receiver = chance.sample(self.names, 2)
        execute_one(self.ledger.call("transfer", from_account=payer, to_account=receiver, amount=5))

    def _statement(self) -> None:
        """Of one of the accounts that were paid while the books were filled: a handful of lines."""
        facts = self._facts(chance.choice(self.names[1:]))
        for _ in chunks("json", facts, Period.named("2026-01")):
            pass

    def _balance_at(self, name: str) -> None:
        moment = datetime.now(UTC) - timedelta(days=30)
        as_of.buckets(self._facts(name), as_of.Cut(as_of=moment))


def progress(table: str, count: int, rows: Rows) -> Rows:
    """A bar on a terminal, and nothing elsewhere."""
    for number, row in enumerate(rows):
        if sys.stderr.isatty() and number % (count // WIDTH + 1) == 0:
            done = number * WIDTH // count
            print(f"\r{table:10}[{'#' * done}{' ' * (WIDTH - done)}]", end="", file=sys.stderr, flush=True)
        yield row
    if sys.stderr.isatty():
        print(f"\r{' ' * (WIDTH + 12)}\r", end="", file=sys.stderr, flush=True)


def main(rounds: int, seconds: float) -> None:
    del rounds, seconds  # each case is repeated so many times at each size
    table: list[dict[str, Any]] = []
    ledger, work, filled = Ledger(), None, 0
    for size in SIZES:
        began = time.perf_counter()
        new = (size - filled) // 2
        if work is None:
            copy_transfers(ledger, accounts=FEW, transfers=new, one_payer=True, watch=progress)
        else:
            copy_transfers(Ledger(), accounts=min(MANY, new // 4), transfers=new, watch=progress)
        filled = size
        with connections["owner"].cursor() as owner:
            for name in ("log_event", "journal_entry", "journal_posting"):
                owner.execute(f"ALTER TABLE {name} ENABLE TRIGGER USER")
            owner.execute("VACUUM (ANALYZE)")
        print(f"{size:,} postings after {time.perf_counter() - began:.0f} s", flush=True)
        work = work or Work(ledger)
        table.append({"postings": size} | {name: _median(case) for name, case in work.cases().items()})
        began = time.perf_counter()
        read(BARE, [])
        table[-1]["bare sum"] = round((time.perf_counter() - began) * 1000, 3)
        print("\n".join(f"    {name:28}{value:>12} ms" for name, value in table[-1].items() if name != "postings"))
    _report(table)


def _median(case: Callable[[], Any]) -> float:
    """Milliseconds."""
    times = []
    for turn in range(REPEATS + REPEATS // 10):
        began = time.perf_counter()
        case()
        if turn >= REPEATS // 10:
            times.append(time.perf_counter() - began)
    return round(statistics.median(times) * 1000, 3)


def _report(table: list[dict[str, Any]]) -> None:
    smallest, largest = table[0], table[-1]
    ratios = {
        name: round(largest[name] / smallest[name], 2) for name in smallest if name not in {"postings", "bare sum"}
    }
    for name, ratio in ratios.items():
        print(f"{name:32}{ratio:>8} times what it was  (goal at most {GOAL})")
    to = Path("bench/results/growth.json")
    to.parent.mkdir(parents=True, exist_ok=True)
    document = {"machine": machine(), "milliseconds": table, "largest_over_smallest": ratios, "goal": GOAL}
    to.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    print(f"written to {to}")
