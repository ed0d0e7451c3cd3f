"""`make bench-replay`: a full replay of a million postings against a bare sum over the same rows, taking turns.

The postings are copied into the tables, with events, entries and balances as the executor would have left them; the
case measured is the product's own `replayed`, all comparisons of it.
"""

import argparse
import json
import os
import platform
import resource
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import django

from ledger_project.testing.run import TestRun

RUN = TestRun.of_environment()
RUN.configure()
os.environ["DJANGO_SETTINGS_MODULE"] = "ledger_project.settings"
django.setup()

from django.db import connection, connections  # noqa: E402  (the settings read what RUN configured)

from journal.replay import replayed  # noqa: E402
from ledger_project.testing.copying import copy_transfers  # noqa: E402
from ledger_project.testing.ledger import Ledger  # noqa: E402

ACCOUNTS = 5000
GOAL = 3.0  # replay's time over the sum's, at most
BARE = "SELECT account_id, bucket, sum(amount) FROM journal_posting GROUP BY account_id, bucket"


def bare() -> int:
    with connection.cursor() as cursor:
        cursor.execute(BARE)
        return len(cursor.fetchall())


def full() -> int:
    return sum(1 for _, found in replayed() for _ in found)


def incremental() -> int:
    return sum(1 for _, found in replayed(incremental=True) for _ in found)


def timed(work: Callable[[], int]) -> tuple[float, int]:
    started = time.perf_counter()
    result = work()
    return time.perf_counter() - started, result


def memory() -> int:
    """The most that this process has needed so far, in kB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def measure(postings: int, rounds: int) -> dict[str, Any]:
    """Each in turn, `rounds` times; the first round only warms up."""
    ledger = Ledger()
    copy_transfers(ledger, accounts=ACCOUNTS, transfers=postings // 2)
    with connections["owner"].cursor() as owner:
        owner.execute("VACUUM (ANALYZE)")
    times: dict[str, list[float]] = {"bare sum": [], "full replay": [], "incremental replay": []}
    differences = 0
    memory_before = memory()
    for turn in range(rounds + 1):
        for name, work in zip(times, (bare, full, incremental), strict=True):
            seconds, result = timed(work)
            differences += result if name != "bare sum" else 0
            if turn:
                times[name].append(seconds)
    middle = {name: statistics.median(each) for name, each in times.items()}
    pairs = [full / bare for bare, full in zip(times["bare sum"], times["full replay"], strict=True)]
    return {
        "postings": postings,
        "differences": differences,
        "seconds": {name: round(each, 3) for name, each in middle.items()},
        "replay_over_sum": round(statistics.median(pairs), 2),
        "replay_over_sum_worst": round(max(pairs), 2),
        "memory_kb": [memory_before, memory()],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--postings", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    RUN.start()
    RUN.open()
    try:
        found = measure(options.postings, options.rounds)
    finally:
        RUN.stop()
    machine = {"cpus": os.cpu_count(), "system": platform.platform(), "python": platform.python_version()}
    to = Path("bench/results/replay.json")
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_text(json.dumps({"machine": machine, "goal": GOAL, **found}, indent=1) + "\n", encoding="utf-8")
    print(f"{found['postings']:,} postings, {found['differences']} differences")
    for name, seconds in found["seconds"].items():
        print(f"{name:20}{seconds * 1000:>10,.0f} ms")
    print(
        f"full replay over the bare sum: {found['replay_over_sum']} (worst of a round"
        f" {found['replay_over_sum_worst']}, goal at most {GOAL})"
    )
    before, after = (kb // 1024 for kb in found["memory_kb"])
    print(f"most memory of this process: {before} MB before the first replay, {after} MB after the last")
    print(f"written to {to}")


if __name__ == "__main__":
    main()
