"""Running cases in turns and saying how fast each was."""

import itertools
import json
import os
import platform
import random
import resource
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Work = Callable[[int], int]  # given the caller's number, does one unit of work and says how many transfers it was

chance = random.Random(2)  # noqa: S311  (when calls come, not a secret)
_callers: list[ThreadPoolExecutor] = []


def _caller(number: int) -> ThreadPoolExecutor:
    """The thread of this number, which all cases share."""
    while number >= len(_callers):
        _callers.append(ThreadPoolExecutor(1))
    return _callers[number]


def together(work: Callable[[int], Any], callers: int) -> None:
    """Each caller does its work at the same time."""
    for turn in [_caller(number).submit(work, number) for number in range(callers)]:
        turn.result()


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
    last: float = 0.0  # the rate of the newest turn

    def run(self, seconds: float) -> None:
        """One turn, after a call of each that connects."""
        together(self.work, self.callers)
        counts, latencies = [0] * self.callers, [list[float]() for _ in range(self.callers)]
        cpu, started = time.process_time(), time.perf_counter()
        end = started + seconds

        def call(number: int) -> None:
            while (began := time.perf_counter()) < end:
                counts[number] += self.work(number)
                latencies[number].append(time.perf_counter() - began)

        together(call, self.callers)
        self.rates.append(sum(counts) / (time.perf_counter() - started))
        self.cpu.append((time.process_time() - cpu) / max(1, sum(counts)))
        self.latencies += [latency for each in latencies for latency in each]
        self.last = self.rates[-1]

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


class OpenLoop(Case):
    """Calls that come when they come, at a share of the rate that another case has just reached.

    A latency counts from the moment at which the call was due, so a stall is suffered by all whom it kept waiting.
    """

    def __init__(self, name: str, of: Case, share: float) -> None:
        super().__init__(name, of.work, callers=2 * of.callers, before=of.before, after=of.after)
        self.of = of
        self.share = share

    def run(self, seconds: float) -> None:
        together(self.work, self.callers)
        rate = self.share * self.of.last
        gaps = (chance.expovariate(rate) for _ in range(int(2 * rate * seconds) + 1))
        due = [moment for moment in itertools.accumulate(gaps) if moment < seconds]
        numbers = itertools.count()
        latencies: list[list[float]] = [[] for _ in range(self.callers)]
        cpu, started = time.process_time(), time.perf_counter()

        def call(caller: int) -> None:
            while (number := next(numbers)) < len(due):
                moment = started + due[number]
                time.sleep(max(0.0, moment - time.perf_counter()))
                self.work(caller)
                latencies[caller].append(time.perf_counter() - moment)

        together(call, self.callers)
        self.rates.append(len(due) / (time.perf_counter() - started))
        self.cpu.append((time.process_time() - cpu) / max(1, len(due)))
        self.latencies += [latency for each in latencies for latency in each]


@dataclass(frozen=True)
class Ratio:
    """The rate of one case over another's, and what it is meant to be at least."""

    says: str
    of: str
    over: str
    goal: float

    def document(self, cases: Mapping[str, Case]) -> dict[str, Any]:
        value = cases[self.of].rate / cases[self.over].rate
        return {"says": self.says, "ratio": round(value, 2), "at_least": self.goal, "reached": value >= self.goal}


@dataclass(frozen=True)
class Tail:
    """The 99th percentile of a case's latencies over their median, and what it is meant to be at most."""

    says: str
    of: str
    goal: float

    def document(self, cases: Mapping[str, Case]) -> dict[str, Any]:
        value = cases[self.of].quantile(0.99) / cases[self.of].quantile(0.5)
        return {"says": self.says, "ratio": round(value, 2), "at_most": self.goal, "reached": value <= self.goal}


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


def report(cases: Sequence[Case], ratios: Sequence[Ratio | Tail], facts: dict[str, Any], *, to: Path) -> None:
    """A table on standard output, and JSON."""
    by_name = {case.name: case for case in cases}
    print(f"{'case':50}{'callers':>8}{'per second':>12}{'p50 ms':>9}{'p99 ms':>9}{'cpu us':>8}")
    for case in cases:
        told = case.document()
        print(
            f"{case.name:50}{case.callers:>8}{told['per_second']:>12,}{told['p50_ms']:>9}{told['p99_ms']:>9}"
            f"{told['client_cpu_us']:>8}"
        )
    found = [ratio.document(by_name) for ratio in ratios]
    for told in found:
        goal = f"at least {told['at_least']}" if "at_least" in told else f"at most {told['at_most']}"
        print(f"{told['says']:62}{told['ratio']:>8.2f}  ({goal}{'' if told['reached'] else ', missed'})")
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
