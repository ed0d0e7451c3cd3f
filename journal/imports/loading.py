"""Carrying out what a file says, through the executor: every rule holds, and what was imported is not again.

The file is read twice: first for its form alone, so that a file with a malformed line changes nothing and all such
lines are named; then it is carried out in batches, in one transaction for the file or in one for each batch.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import islice
from typing import Any
from uuid import UUID

from django.db import transaction

from accounts.rows import AccountFacts, account_key, look_up
from journal.imports.records import Item, Party, Problem, Record
from ledger_project.kernel.errors import Refusal
from ledger_project.log import executor
from ledger_project.log.caller import Caller
from ledger_project.log.command import COMMANDS
from ledger_project.log.executor import Call, Done, SystemKey, look, system_key
from ledger_project.web.api.bulk import bulk_commands

BATCH = 500
NAMED = 100  # problems that are told one by one
ACTOR = "task:import_journal"


class ImportRefused(Exception):
    """What is wrong, line by line. Nothing of the file was kept, or nothing of the batch that the lines are in."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(f"{len(problems)} lines")
        self.problems = list(problems)


@dataclass(frozen=True)
class Plan:
    """How a file is imported. `source` sets its keys apart from those of other files."""

    tenant: int
    source: str
    open_accounts: bool = False
    by_batch: bool = False
    dry_run: bool = False


@dataclass
class Report:
    """What an import did."""

    imported: int = 0
    already: int = 0
    accounts: int = 0
    currencies: int = 0
    problems: list[Problem] = field(default_factory=list)


def load(plan: Plan, read: Callable[[], Iterable[Item]]) -> Report:
    """Import what `read` gives, each time from its beginning. Raises ImportRefused."""
    _require_form(plan, read())
    report = Report()
    apart = plan.by_batch and not plan.dry_run
    with nullcontext() if apart else transaction.atomic():
        records = _records(read())
        while batch := list(islice(records, BATCH)):
            with transaction.atomic():
                _Batch(plan, batch, report).carry_out()
        if plan.dry_run:
            transaction.set_rollback(True)
    return report


def _records(items: Iterable[Item]) -> Iterator[Record]:
    """Raises ImportRefused if the file is no longer the one whose form was found right."""
    for item in items:
        if isinstance(item, Problem):
            raise ImportRefused([item])
        yield item


def _require_form(plan: Plan, items: Iterable[Item]) -> None:
    problems: list[Problem] = []
    for item in items:
        if isinstance(item, Record):
            try:
                _require_form_of(plan, item)
                continue
            except Refusal as refusal:
                item = Problem(item.line, str(refusal))
        problems.append(item)
        if len(problems) >= NAMED:
            break
    if problems:
        raise ImportRefused(problems)


def _require_form_of(plan: Plan, record: Record) -> None:
    """Refuses what the commands' own fields refuse."""
    if record.command:
        _call(plan, record)
    for party in record.parties:
        if not isinstance(account_key(party.name), UUID):
            _opening(plan, party)


def _call(plan: Plan, record: Record) -> Call:
    """Refuses what the command's own fields refuse."""
    if record.command not in bulk_commands():
        raise _NotImportable(command=record.command)
    key = record.key if record.whole_key else _key(plan, record.key)
    return Call.of(plan.tenant, Caller.system(ACTOR), key, COMMANDS[record.command], record.arguments)


class _NotImportable(Refusal):
    """Not a command that a file can have."""


def _key(plan: Plan, key: str) -> SystemKey:
    """The idempotency key of a record; a long one, or one with odd characters, by its hash."""
    plain = len(key) <= 180 and key.isprintable()
    return system_key("import", plan.source, key if plain else sha256(key.encode()).hexdigest())


def _opening(plan: Plan, party: Party) -> Call:
    optional = {
        "type": party.type,
        "currency": party.currency,
        "unbounded": party.unbounded,
        "metadata": party.metadata or None,
    }
    given = {name: value for name, value in optional.items() if value is not None}
    return _made(plan, "open_account", f"account:{party.name}", name=party.name, **given)


def _made(plan: Plan, command: str, key: str, **arguments: Any) -> Call:
    return Call.of(plan.tenant, Caller.system(ACTOR), _key(plan, key), COMMANDS[command], arguments)


class _Batch:
    """Some records, with the currencies and accounts that they need first."""

    def __init__(self, plan: Plan, records: list[Record], report: Report) -> None:
        self.plan, self.records, self.report = plan, records, report

    def carry_out(self) -> None:
        """Raises ImportRefused."""
        self._open()
        calls = [(record, _call(self.plan, record)) for record in self.records if record.command]
        for result in self._execute(calls):
            self.report.already += result.replayed
            self.report.imported += not result.replayed

    def _open(self) -> None:
        """Open what is missing, and compare what is there with what the file says of it."""
        parties = [(record, party) for record in self.records for party in record.parties]
        keys = {account_key(party.name) for _, party in parties}
        known = look_up(self.plan.tenant, keys, look, remember=False)
        problems = [
            Problem(record.line, reason)
            for record, party in parties
            if (reason := self._differs(party, known.get(account_key(party.name))))
        ]
        if problems:
            raise ImportRefused(problems[:NAMED])
        if not self.plan.open_accounts:
            return
        missing: dict[str, tuple[Record, Party]] = {}
        for record, party in parties:
            if account_key(party.name) not in known:
                missing.setdefault(party.name, (record, party))
        self._register(missing.values())
        opening = [(record, _opening(self.plan, party)) for record, party in missing.values()]
        for start in range(0, len(opening), BATCH):
            self.report.accounts += len(self._execute(opening[start : start + BATCH]))

    def _differs(self, party: Party, facts: AccountFacts | None) -> str | None:
        if facts is None:
            missing = not self.plan.open_accounts
            return f"there is no account {party.name!r}; --open-accounts opens it" if missing else None
        for name in ("type", "currency", "scale"):
            said, found = getattr(party, name), getattr(facts, name)
            if said is not None and said != found:
                return f"{party.name!r} is of {name} {found} here, not {said}"
        return None

    def _register(self, missing: Iterable[tuple[Record, Party]]) -> None:
        wanted: dict[str, tuple[Record, int]] = {}
        for record, party in missing:
            if party.currency is not None:
                wanted.setdefault(party.currency, (record, party.scale or 0))
        sql = "SELECT code FROM accounts_currency WHERE tenant_id = %s AND code = ANY(%s::text[])"
        known = {code for (code,) in look(sql, (self.plan.tenant, list(wanted)))} if wanted else set()
        calls = [
            (record, _made(self.plan, "register_currency", f"currency:{code}", code=code, scale=scale))
            for code, (record, scale) in wanted.items()
            if code not in known
        ]
        if calls:
            self.report.currencies += len(self._execute(calls))

    def _execute(self, calls: Sequence[tuple[Record, Call]]) -> list[Done]:
        """All of them. Raises ImportRefused."""
        if not calls:
            return []
        try:
            results = executor.execute([call for _, call in calls], atomic=True)
        except executor.BatchRefused as refused:
            raise ImportRefused(list(islice(_problems(calls, refused.results), NAMED))) from refused
        return [result for result in results if isinstance(result, Done)]


def _problems(calls: Sequence[tuple[Record, Call]], results: Sequence[Any]) -> Iterator[Problem]:
    """The refused ones. What PostgreSQL forbade stands for the whole batch, whose lines are all that is known then."""
    for (record, _), result in zip(calls, results, strict=True):
        if isinstance(result, Refusal):
            yield Problem(record.line, str(result))
        elif isinstance(result, Exception):
            raise result
