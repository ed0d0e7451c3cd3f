"""Running cases in turns and saying how fast each was."""

import json
import os
import platform
import resource
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Work = Callable[[int], int]  # given the caller's number, does one unit of work and says how many transfers it was

_callers: list[ThreadPoolExecutor] = []


def _caller(number: int) -> ThreadPoolExecutor:
    """The thread of this number, which all cases share."""
    while number >= len(_callers):
        _callers.append(ThreadPoolExecutor(1))
    return _callers[number]


@dataclass
class Case:
    """A closed loop of `callers` threads, each doing `work` again and again.

    The threads stay from one turn to the next, and with them their connections and what those have prepared, as in a
    server.
    """

    name: str
    work: Work
    callers: int = 1
    before: Callable[[], None] = lambda: None  # around each turn, outside of what is measured
    after: Callable[[], None] = lambda: None
    rates: list[float] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def run(self, seconds: float) -> None:
        """One turn."""
        counts, latencies = [0] * self.callers, [list[float]() for _ in range(self.callers)]
        cpu, started = time.process_time(), time.perf_counter()
        end = started + seconds

        def call(number: int) -> None:
            while (began := time.perf_counter()) < end:
                counts[number] += self.work(number)
                latencies[number].append(time.perf_counter() - began)

        for turn in [_caller(number).submit(call, number) for number in range(self.callers)]:
            turn.result()
        self.rates.append(sum(counts) / (time.perf_counter() - started))
        self.cpu.append((time.process_time() - cpu) / max(1, sum(counts)))
        self.latencies += [latency for each in latencies for latency in each]

    @property
    def rate(self) -> float:
        return statistics.median(self.rates)

    def quantile(self, share: float) -> float:
        """A latency in milliseconds."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000 if ordered else 0.0

    def document(self) -> dict[str, Any]:
        return {
            "case": self.name,
            "callers": self.callers,
            "per_second": round(self.rate),
            "slowest_turn": round(min(self.rates)),
            "fastest_turn": round(max(self.rates)),
            "p50_ms": round(self.quantile(0.5), 2),
            "p99_ms": round(self.quantile(0.99), 2),
            "client_cpu_us": round(statistics.median(self.cpu) * 1e6),
        }


@dataclass(frozen=True)
class Ratio:
    """One case over another, and what it is meant to be at least."""

    says: str
    of: str
    over: str
    goal: float


def take_turns(cases: Sequence[Case], *, rounds: int, seconds: float) -> None:
    """Every case a turn, `rounds` times; the first round only warms up."""
    for turn in range(rounds + 1):
        for case in cases:
            case.before()
            case.run(seconds if turn else seconds / 2)
            case.after()
            if not turn:
                case.rates.clear()
                case.latencies.clear()
                case.cpu.clear()


def machine() -> dict[str, Any]:
    return {"cpus": os.cpu_count(), "system": platform.platform(), "python": platform.python_version()}


def report(cases: Sequence[Case], ratios: Sequence[Ratio], facts: dict[str, Any], *, to: Path) -> None:
    """A table on standard output, and JSON."""
    by_name = {case.name: case for case in cases}
    print(f"{'case':50}{'callers':>8}{'per second':>12}{'p50 ms':>9}{'p99 ms':>9}{'cpu us':>8}")
    for case in cases:
        told = case.document()
        print(
            f"{case.name:50}{case.callers:>8}{told['per_second']:>12,}{told['p50_ms']:>9}{told['p99_ms']:>9}"
            f"{told['client_cpu_us']:>8}"
        )
    found = []
    for ratio in ratios:
        value = by_name[ratio.of].rate / by_name[ratio.over].rate
        found.append({"says": ratio.says, "ratio": round(value, 2), "goal": ratio.goal, "reached": value >= ratio.goal})
        print(f"{ratio.says:62}{value:>8.2f}  (goal {ratio.goal})")
    document = {
        "machine": machine(),
        "facts": facts,
        "cases": [case.document() for case in cases],
        "ratios": found,
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    print(f"written to {to}")
