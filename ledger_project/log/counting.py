"""What became of calls, counted by each process as it answers them; `/metrics` adds the processes up.

Counters are of this process's memory (or of its file, under gunicorn): they begin again with the deployment. What must
be exact is in the log itself.
"""

from collections import Counter as Tally
from collections.abc import Sequence
from functools import cache
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram

from ledger_project.kernel.errors import Refusal

COUNTS = CollectorRegistry()
CALLS = Counter(
    "ledger_commands",
    "Calls of commands by outcome: accepted, replayed, failed, or the code of the refusal.",
    ["command", "outcome"],
    registry=COUNTS,
)
BATCHES = Histogram(
    "ledger_batch_calls",
    "Calls that were executed as one batch.",
    buckets=[1, 2, 4, 8, 16, 32, 64, 128, 256, 1000],
    registry=COUNTS,
)


def count(calls: Sequence[Any], results: Sequence[Any]) -> None:
    """Count one batch: the executor's calls and their results, in the same order."""
    BATCHES.observe(len(calls))
    outcomes = [(call.command.name, _outcome(result)) for call, result in zip(calls, results, strict=True)]
    for (command, outcome), times in Tally(outcomes).items():
        _calls(command, outcome).inc(times)


@cache
def _calls(command: str, outcome: str) -> Counter:
    """prometheus_client looks a counter up under a lock of all of them, each time it is asked."""
    return CALLS.labels(command, outcome)


def _outcome(result: Any) -> str:
    if isinstance(result, Refusal):
        return result.code
    if isinstance(result, Exception):
        return "failed"
    return "replayed" if result.replayed else "accepted"
