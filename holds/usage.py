"""Charging for compute: a usage trace (traces.py) becomes charges from agents to a provider.

With a price book each row is recorded as usage, which the book prices; without one it costs so much a token. A row's
job id is made of the row itself, so it is charged once however often, in whatever mode and from whatever file it is
read again.
"""

import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from holds.traces import BadRow, Row, Usage
from ledger_project.kernel import clock
from ledger_project.kernel.errors import IdempotencyKeyReused, InvalidRequest, Refusal
from ledger_project.kernel.money import LIMIT
from ledger_project.log.command import COMMANDS
from ledger_project.log.executor import Call, Done, Result, execute, look, run, system_call

BATCH = 500


class StrictStop(Exception):
    """A malformed row under --strict; nothing of its batch was posted."""


@dataclass(frozen=True)
class Plan:
    """How usage is charged: prices are minor units a token, or those of a `book` for its `model`.

    `source` is the trace's name in the identity of what is recorded; `as_of_now` records what is of long ago as of now.
    """

    tenant: int
    currency: str
    provider: str
    agents: int
    fund: int
    price_in: int
    price_out: int
    mode: str
    max_output: int
    book: str = ""
    model: str = "default"
    source: str = ""
    as_of_now: bool = False

    def payer(self, index: int, usage: Usage) -> str:
        """Who made the request: whom the row names, or the next agent."""
        return usage.user or self.agent(index)

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


def charge(plan: Plan, rows: Iterable[Row], *, strict: bool = False) -> Iterator[Report]:
    """Charge a trace batch by batch; yields the running report after each. Raises StrictStop under `strict`."""
    report = Report()
    started = time.monotonic()
    _open_accounts(plan)
    iterator = iter(rows)
    position = 0
    seen: set[str] = set()
    while batch := list(islice(iterator, BATCH)):
        batch = [_possible(plan, row) for row in batch]
        bad = [row for row in batch if isinstance(row, BadRow)]
        report.bad_rows += bad
        if bad and strict:
            raise StrictStop(f"line {bad[0].line}: {bad[0].reason}")
        usages = [(position + offset, row) for offset, row in enumerate(batch) if isinstance(row, Usage)]
        position += len(batch)
        report.requests += len(usages)
        users = {usage.user for _, usage in usages if usage.user} - seen
        _ensure_users(plan, users)
        seen |= users
        if plan.book:
            _record(plan, usages, report)
        else:
            priced = [(index, usage) for index, usage in usages if plan.cost(usage)]
            report.free += len(usages) - len(priced)
            (_charge_held if plan.mode == "hold" else _charge_directly)(plan, priced, report)
        report.seconds = time.monotonic() - started
        yield report


def _possible(plan: Plan, row: Row) -> Row:
    """A row that no call can be made of is a bad one, in every mode."""
    if isinstance(row, BadRow):
        return row
    if plan.estimate(row) >= LIMIT:
        return BadRow(row.line, "costs more than an amount can be")
    try:
        COMMANDS["ensure_account"].fields["account"].parse(plan.payer(0, row), "user")
        COMMANDS["record_usage"].fields["model"].parse(row.model or plan.model, "model")
    except InvalidRequest as refusal:
        return BadRow(row.line, str(refusal))
    return row


def _record(plan: Plan, usages: list[tuple[int, Usage]], report: Report) -> None:
    calls = [
        _call(
            plan,
            "record_usage",
            usage.job_id,
            account=plan.payer(index, usage),
            book=plan.book,
            model=usage.model or plan.model,
            metrics={"input_tokens": usage.context, "output_tokens": usage.generated},
            request_id=usage.job_id,
            to_account=plan.provider,
            **({"source": plan.source} if plan.source else {}),
            **({"metadata": {"at": clock.stamp(usage.at)}} if plan.as_of_now else {"at": clock.stamp(usage.at)}),
        )
        for index, usage in usages
    ]
    for result in _execute(calls):
        charged = int(result.document["result"]["usage"]["charged"]) if isinstance(result, Done) else 0
        _count(report, result, charged)


def _ensure_users(plan: Plan, users: Iterable[str]) -> None:
    """The accounts of those whom rows name, funded at first use; who has none is refused with what they asked for."""
    for result in _fund(plan, sorted(users)):
        if isinstance(result, Exception) and not isinstance(result, Refusal):
            raise result


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
    for result in _fund(plan, [plan.agent(index) for index in range(plan.agents)]):
        # Another --fund under the same key: the agent was funded by an earlier run, and is not funded again.
        if isinstance(result, Exception) and not isinstance(result, IdempotencyKeyReused):
            raise result


def _fund(plan: Plan, names: list[str]) -> Iterator[Result]:
    calls = [
        _call(
            plan,
            "ensure_account",
            f"charge_usage:fund:{name}",
            account=name,
            currency=plan.currency,
            initial_balance=plan.fund,
        )
        for name in names
    ]
    for start in range(0, len(calls), BATCH):
        yield from execute(calls[start : start + BATCH])


def _charge_directly(plan: Plan, usages: list[tuple[int, Usage]], report: Report) -> None:
    calls = [
        _call(
            plan,
            "transfer",
            f"charge_usage:{usage.job_id}",
            from_account=plan.payer(index, usage),
            to_account=plan.provider,
            amount=plan.cost(usage),
            job_id=usage.job_id,
            effective_at=clock.stamp(usage.at),
        )
        for index, usage in usages
    ]
    for (_, usage), result in zip(usages, _execute(calls), strict=True):
        _count(report, result, plan.cost(usage))


def _charge_held(plan: Plan, usages: list[tuple[int, Usage]], report: Report) -> None:
    """Hold the estimate before the request, capture what it cost, and let the rest go back."""
    calls = [
        _call(
            plan,
            "place_hold",
            f"charge_usage:{usage.job_id}",
            account=plan.payer(index, usage),
            to_account=plan.provider,
            amount=plan.estimate(usage),
            references={"job_id": usage.job_id},
        )
        for index, usage in usages
    ]
    held = []
    for (_, usage), result in zip(usages, _execute(calls), strict=True):
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
    for (usage, _), result in zip(held, _execute(captures), strict=True):
        _count(report, result, plan.cost(usage))


def _call(plan: Plan, command: str, key: str, **arguments: Any) -> Call:
    return system_call(plan.tenant, command, key=key, actor="task:charge_usage", **arguments)


def _execute(calls: list[Call]) -> list[Result]:
    return execute(calls) if calls else []  # of a batch none of whose rows needs one


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
