"""Charging for compute: a usage trace becomes charges from agents to a provider.

A trace is CSV with a header: TIMESTAMP, ContextTokens, GeneratedTokens (the Azure LLM inference traces have it). Each
row is one request. Its job id is made of the row itself, so a row is charged once however often, in whatever mode and
from whatever file it is read again.
"""

import csv
import hashlib
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from ledger_project.kernel import clock
from ledger_project.kernel.errors import IdempotencyKeyReused, Refusal
from ledger_project.log.executor import Call, Done, Result, execute, look, run, system_call

COLUMNS = ("TIMESTAMP", "ContextTokens", "GeneratedTokens")
BATCH = 500
TOKEN_LIMIT = 10**12  # of one request; beyond it a row is garbage, not usage


@dataclass(frozen=True)
class Usage:
    """One request of the trace."""

    line: int
    job_id: str
    at: datetime
    context: int
    generated: int


@dataclass(frozen=True)
class BadRow:
    """A row that is no usage, and why."""

    line: int
    reason: str


class StrictStop(Exception):
    """A malformed row under --strict; nothing of its batch was posted."""


@dataclass(frozen=True)
class Plan:
    """How usage is charged: prices are minor units a token."""

    tenant: int
    currency: str
    provider: str
    agents: int
    fund: int
    price_in: int
    price_out: int
    mode: str
    max_output: int

    def agent(self, index: int) -> str:
        return f"agent:{index % self.agents:0{len(str(self.agents - 1))}d}"

    def cost(self, usage: Usage) -> int:
        return self.price_in * usage.context + self.price_out * usage.generated

    def estimate(self, usage: Usage) -> int:
        """What is held before the request: its context is known, its output only bounded."""
        return self.price_in * usage.context + self.price_out * max(self.max_output, usage.generated)


@dataclass
class Report:
    """What a run did."""

    requests: int = 0
    charged: int = 0
    charged_requests: int = 0
    already_charged: int = 0
    free: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    bad_rows: list[BadRow] = field(default_factory=list)
    seconds: float = 0.0

    def document(self) -> dict[str, Any]:
        return {
            "requests": self.requests,
            "charged": str(self.charged),
            "charged_requests": self.charged_requests,
            "already_charged": self.already_charged,
            "free": self.free,
            "refused": dict(self.refused),
            "bad_rows": [{"line": row.line, "reason": row.reason} for row in self.bad_rows],
            "seconds": round(self.seconds, 3),
            "requests_per_second": round(self.requests / self.seconds, 1) if self.seconds else None,
        }


def read_trace(path: Path) -> Iterator[Usage | BadRow]:
    """The rows of a trace in order; a file without the header raises ValueError."""
    seen: Counter[tuple[str, ...]] = Counter()
    with path.open(newline="", encoding="utf-8", errors="replace") as lines:
        reader = csv.reader(lines)
        header = [name.strip() for name in next(reader, [])]
        missing = [name for name in COLUMNS if name not in header]
        if missing:
            raise ValueError(f"{path.name} has no column {', '.join(missing)}")
        positions = [header.index(name) for name in COLUMNS]
        while True:
            try:
                record = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield BadRow(reader.line_num, str(error))
                continue
            if not record:
                continue
            if len(record) != len(header):
                yield BadRow(reader.line_num, f"has {len(record)} columns, not {len(header)}")
                continue
            values = tuple(record[position].strip() for position in positions)
            seen[values] += 1
            yield _usage(reader.line_num, values, seen[values])


def _usage(line: int, values: tuple[str, ...], occurrence: int) -> Usage | BadRow:
    stamp, *tokens = values
    try:
        at = datetime.fromisoformat(stamp)
    except ValueError:
        return BadRow(line, f"TIMESTAMP {stamp[:40]!r} is not a time")
    counts = []
    for name, text in zip(COLUMNS[1:], tokens, strict=True):
        if not (text.isascii() and text.isdigit() and len(text) <= 13 and int(text) <= TOKEN_LIMIT):
            return BadRow(line, f"{name} {text[:40]!r} is not a number of tokens")
        counts.append(int(text))
    digest = hashlib.sha256("|".join((*values, str(occurrence))).encode()).hexdigest()
    # The trace writes UTC without saying so.
    return Usage(line, f"usage-{digest[:24]}", at.replace(tzinfo=at.tzinfo or UTC), *counts)


def charge(plan: Plan, rows: Iterable[Usage | BadRow], *, strict: bool = False) -> Iterator[Report]:
    """Charge a trace batch by batch; yields the running report after each. Raises StrictStop under `strict`."""
    report = Report()
    started = time.monotonic()
    _open_accounts(plan)
    iterator = iter(rows)
    position = 0
    while batch := list(islice(iterator, BATCH)):
        bad = [row for row in batch if isinstance(row, BadRow)]
        report.bad_rows += bad
        if bad and strict:
            raise StrictStop(f"line {bad[0].line}: {bad[0].reason}")
        usages = [(position + offset, row) for offset, row in enumerate(batch) if isinstance(row, Usage)]
        position += len(batch)
        report.requests += len(usages)
        priced = [(index, usage) for index, usage in usages if plan.cost(usage)]
        report.free += len(usages) - len(priced)
        if priced:
            (_charge_held if plan.mode == "hold" else _charge_directly)(plan, priced, report)
        report.seconds = time.monotonic() - started
        yield report


def _open_accounts(plan: Plan) -> None:
    """The currency, the provider and the funded agents; a second run finds them as they are."""
    # Looked for first: one from before the rule for new codes may have another form.
    if not look("SELECT code FROM accounts_currency WHERE tenant_id = %s AND code = %s", (plan.tenant, plan.currency)):
        run(plan.tenant, "register_currency", key=f"charge_usage:currency:{plan.currency}", code=plan.currency)
    try:
        opening: dict[str, Any] = {"name": plan.provider, "currency": plan.currency, "unbounded": True}
        run(plan.tenant, "open_account", key=f"charge_usage:open:{plan.provider}", **opening)
    except Refusal as refusal:
        if refusal.code != "account_exists":
            raise
    calls = [
        _call(
            plan,
            "ensure_account",
            f"charge_usage:fund:{plan.agent(index)}",
            account=plan.agent(index),
            currency=plan.currency,
            initial_balance=plan.fund,
        )
        for index in range(plan.agents)
    ]
    for start in range(0, len(calls), BATCH):
        for result in execute(calls[start : start + BATCH]):
            # Another --fund under the same key: the agent was funded by an earlier run, and is not funded again.
            if isinstance(result, Exception) and not isinstance(result, IdempotencyKeyReused):
                raise result


def _charge_directly(plan: Plan, usages: list[tuple[int, Usage]], report: Report) -> None:
    calls = [
        _call(
            plan,
            "transfer",
            f"charge_usage:{usage.job_id}",
            from_account=plan.agent(index),
            to_account=plan.provider,
            amount=plan.cost(usage),
            job_id=usage.job_id,
            effective_at=clock.stamp(usage.at),
        )
        for index, usage in usages
    ]
    for (_, usage), result in zip(usages, execute(calls), strict=True):
        _count(report, result, plan.cost(usage))


def _charge_held(plan: Plan, usages: list[tuple[int, Usage]], report: Report) -> None:
    """Hold the estimate before the request, capture what it cost, and let the rest go back."""
    calls = [
        _call(
            plan,
            "place_hold",
            f"charge_usage:{usage.job_id}",
            account=plan.agent(index),
            to_account=plan.provider,
            amount=plan.estimate(usage),
            references={"job_id": usage.job_id},
        )
        for index, usage in usages
    ]
    held = []
    for (_, usage), result in zip(usages, execute(calls), strict=True):
        if isinstance(result, Done):
            held.append((usage, result.document["result"]["hold"]["id"]))
        else:
            _count(report, result, 0)
    captures = [
        _call(
            plan,
            "capture_hold",
            f"charge_usage:{usage.job_id}:capture",
            hold=hold,
            amount=plan.cost(usage),
            effective_at=clock.stamp(usage.at),
        )
        for usage, hold in held
    ]
    if captures:
        for (usage, _), result in zip(held, execute(captures), strict=True):
            _count(report, result, plan.cost(usage))


def _call(plan: Plan, command: str, key: str, **arguments: Any) -> Call:
    return system_call(plan.tenant, command, key=key, actor="task:charge_usage", **arguments)


def _count(report: Report, result: Result, cost: int) -> None:
    if isinstance(result, Done):
        if result.replayed:
            report.already_charged += 1
        else:
            report.charged += cost
            report.charged_requests += 1
    elif isinstance(result, Refusal):
        report.refused[result.code] += 1
    else:
        raise result
