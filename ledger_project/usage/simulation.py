"""What if: the past run again under other rules, in memory; nothing is written.

Plans are pure functions over rows. So every call that was accepted is planned again, in its order and at its time, on
rows that begin with nothing: first as it was, and from a moment on under drafts of prices, budgets and grants. Without
drafts the outcome is what happened, to the unit. What the ledger does not plan from rows alone (settlements, repairs,
bank matching) is taken as it was posted; calls that were refused are not in the log, so none of them comes back.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from accounts.budgets.rows import BudgetRow
from accounts.budgets.tree import Node, Tree
from accounts.models import Account
from accounts.rows import SOLE_CURRENCY, AccountRow, Bucket, CurrencyRow, look_up
from journal import as_of
from journal.as_of import Cut
from journal.models import PromoGrant
from journal.promo import Grant, GrantOwnerRow, PurseRow
from ledger_project.kernel import clock, ids
from ledger_project.kernel.errors import InvalidRequest, NotFound, Refusal
from ledger_project.kernel.identity import fold
from ledger_project.log import documents
from ledger_project.log.caller import Caller
from ledger_project.log.command import COMMANDS, Command
from ledger_project.log.executor import look
from ledger_project.log.models import Event
from ledger_project.log.queries import read
from ledger_project.log.unit import Batch
from ledger_project.usage.pricing import read_prices
from ledger_project.usage.rows import KNOWN_BOOKS, PriceVersionRow, Version

PAGE = 1000
PLANNED = (
    *("accounts.commands.accounts", "accounts.commands.credit", "accounts.commands.currencies"),
    *("accounts.commands.sessions", "accounts.budgets.commands", "journal.commands.", "holds.commands."),
    *("holds.x402.commands", "holds.topups.commands", "ledger_project.usage.commands."),
)
UNPLANNED = frozenset({"alert_budget"})  # it says what a window reached, and moves nothing
DRAFTS = {"prices": "publish_prices", "budgets": "set_budget", "grants": "grant"}
ACCOUNT = re.compile(r"acc_[0-9a-f]{32}")
Draft = tuple[str, Mapping[str, Any]]  # a command and its arguments
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Refused:
    """A call that was accepted and would not be: which, and by what rule."""

    event: str
    recorded_at: str
    command: str
    account: str
    code: str
    detail: Mapping[str, Any]

    def document(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Change:
    """What one account was charged for usage, and has in all, as it was and as it would be; in minor units."""

    account: str
    currency: str
    charged: tuple[int, int]
    balance: tuple[int, int]

    def document(self) -> dict[str, Any]:
        pairs = {"charged": self.charged, "balance": self.balance}
        told = {name: {"was": str(was), "would_be": str(would)} for name, (was, would) in pairs.items()}
        return {"account": self.account, "currency": self.currency, **told}


@dataclass
class Outcome:
    """What a simulation found; all three lists are empty where nothing would be otherwise. `lapsed`: by grant, how much
    of it was and would be burnt or breakage."""

    calls: int = 0
    refused: list[Refused] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    lapsed: dict[str, tuple[int, int]] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        return {
            "calls": self.calls,
            "refused": [each.document() for each in self.refused],
            "accounts": [each.document() for each in self.changes],
            "lapsed": [
                {"grant": grant, "was": str(was), "would_be": str(would)} for grant, (was, would) in self.lapsed.items()
            ],
        }


class Simulation:
    """One tenant's books in memory."""

    def __init__(self, tenant: int) -> None:
        self.tenant = tenant
        self.batch = Batch(BEGINNING, {Tree: Tree(), KNOWN_BOOKS: {}})
        self.names = {
            f"acc_{id.hex}": name for id, name in Account.objects.filter(tenant=tenant).values_list("id", "name")
        }

    def take(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Do again what an event did; the result that it would have. Raises the refusal, if it would be refused."""
        command = COMMANDS[event["command"]]
        self.batch.now = clock.read(event["recorded_at"])
        if _is_planned(command):
            event_id = UUID(hex=event["id"][4:])
            return self.plan(command, self._with_names(event["payload"]), event_id, event["actor"])
        self._post(event)
        return dict(event["result"])

    def plan(self, command: Command, payload: Any, event_id: UUID, actor: str) -> dict[str, Any]:
        """Plan a call on the rows as they are now. Refuses: as the command."""
        caller = Caller.system(actor)
        unit = command.books(self.batch, tenant=self.tenant, event_id=event_id, caller=caller, command=command)
        command.plan(unit, **command.parse(payload))
        unit.finish()
        self.batch.absorb(unit)
        for row in [row for (kind, _), row in unit.rows.items() if kind is PurseRow]:
            for grant in row.touched:
                self.batch.load(GrantOwnerRow(grant, row.account_id))
        if command.changes_rules:
            self._read_rules()
        if command.name == "register_currency":
            codes = [key for kind, key in self.batch.rows if kind is CurrencyRow]
            self.batch.names[CurrencyRow, SOLE_CURRENCY] = codes[0] if len(codes) == 1 else "none of several"
        return unit.result

    def _read_rules(self) -> None:
        """What a batch is planned by is what its rows say."""
        budgets = [row for (kind, _), row in self.batch.rows.items() if kind is BudgetRow and row.ended_at is None]
        nodes = (
            Node(
                row.id,
                row.name,
                row.currency,
                account=row.account,
                prefix=row.account_prefix,
                session_key=row.session_key,
                parent=row.parent,
                models=None if row.models is None else tuple(row.models),
            )
            for row in budgets
        )
        books: dict[str, list[Version]] = {}
        versions = [row for (kind, _), row in self.batch.rows.items() if kind is PriceVersionRow]
        for row in sorted(versions, key=lambda row: (row.effective_at, row.number)):
            prices = read_prices(row.rates, markup_bps=row.markup_bps, minimum=row.minimum)
            version = Version(row.id, row.book, row.number, row.currency, row.time_zone, row.effective_at, prices)
            books.setdefault(fold(row.book), []).append(version)
        self.batch.facts = {Tree: Tree.of(nodes), KNOWN_BOOKS: books}

    def _post(self, event: Mapping[str, Any]) -> None:
        """What is not planned again is posted as it was."""
        for facts in event["result"].get("opened") or ():
            self._account(facts["id"])
        for posting in (event["entry"] or {"postings": ()})["postings"]:
            row = self._account(posting["account"])
            bucket = Bucket[posting["bucket"].upper()]
            drawn = -1 if bucket is Bucket.CREDIT_USED else 1
            row.numbers[bucket] += int(posting["amount"]) * row.facts.sign * drawn

    def _account(self, ref: str) -> AccountRow:
        """The account that has this id in the log, opened now where nothing that is planned again has opened it."""
        meant = fold(self.names[ref])
        if (AccountRow, meant) not in self.batch.names:
            facts = look_up(self.tenant, [ref], read)[ref].document()
            given = {name: facts[name] for name in ("name", "type", "currency", "unbounded")}
            self.plan(COMMANDS["open_account"], given, UUID(hex=ref[4:]), "system")
        row: AccountRow = self.batch.rows[AccountRow, self.batch.names[AccountRow, meant]]
        return row

    def _with_names(self, value: Any) -> Any:
        """Accounts have other ids here, and the same names."""
        if isinstance(value, dict):
            return {name: self._with_names(each) for name, each in value.items()}
        if isinstance(value, list):
            return [self._with_names(each) for each in value]
        return self.names.get(value, value) if isinstance(value, str) and ACCOUNT.fullmatch(value) else value

    def balances(self) -> dict[str, int]:
        """What each account has in all, by name."""
        found: dict[str, int] = {}
        for (kind, _), row in self.batch.rows.items():
            if kind is AccountRow:
                drawn = row.numbers[Bucket.CREDIT_USED]
                found[row.facts.name] = found.get(row.facts.name, 0) + sum(row.numbers) - 2 * drawn
        return found

    def grants(self) -> dict[str, Grant]:
        purses = [row for (kind, _), row in self.batch.rows.items() if kind is PurseRow]
        return {ids.show("prm", grant.id): grant for purse in purses for grant in purse.grants}

    def lapse(self, at: datetime) -> None:
        """End the grants that are over and that no sweep of the past knew."""
        self.batch.now = at
        for ref, grant in self.grants().items():
            if grant.expired(at) and grant.left and grant.voided_at is None:
                self.plan(COMMANDS["expire_promo"], {"grant": ref}, ids.make(at, 0), "system")


def _is_planned(command: Command) -> bool:
    return command.plan.__module__.startswith(PLANNED) and command.name not in UNPLANNED


def simulate(
    tenant: int,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    drafts: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
) -> Outcome:
    """Run a tenant's past again up to `until`, from `since` on under `drafts`: lists of arguments of `publish_prices`,
    `set_budget` and `grant` by "prices", "budgets" and "grants".

    A draft takes the place of what was published or set under its name in that time. Refuses: what a draft's command
    refuses.
    """
    drafts = drafts or {}
    since, until = since or BEGINNING, until or clock.now()
    replaced = _names_of(drafts)
    run, outcome = Simulation(tenant), Outcome()
    charged: dict[str, list[int]] = {}
    pending = [(DRAFTS[kind], each) for kind in DRAFTS for each in drafts.get(kind, ())]
    for event in _events(tenant, until):
        inside = clock.read(event["recorded_at"]) >= since
        if inside:
            pending = _draft(run, since, pending)
        if inside and _name(event["command"], event["payload"]) in replaced:
            continue
        usage = (event["result"] or {}).get("usage")
        try:
            would = run.take(event).get("usage")
        except Refusal as refusal:
            would = None
            outcome.refused.append(_refused(event, refusal, run.names))
        if inside:
            outcome.calls += 1
            if usage:
                sums = charged.setdefault(run.names[usage["account"]], [0, 0])
                sums[0] += int(usage["charged"])
                sums[1] += int(would["charged"]) if would else 0
    _draft(run, since, pending, last=True)
    run.lapse(until)
    outcome.changes = list(_changes(tenant, run, until, charged))
    was = {f"prm_{each.id.hex}": int(each.burned) for each in PromoGrant.objects.filter(tenant=tenant)}
    for ref, grant in run.grants().items():
        if grant.burned != was.get(ref, 0):
            outcome.lapsed[ref] = was.get(ref, 0), grant.burned
    return outcome


def _events(tenant: int, until: datetime) -> Iterator[dict[str, Any]]:
    """A tenant's events in the order in which they were recorded; those of one moment in that of their transactions."""
    after = UUID(int=0)
    while True:
        rows = Event.objects.filter(tenant=tenant, id__gt=after, recorded_at__lte=until).order_by("id")
        told = list(rows.values_list("recorded_at", "insert_xid", "id")[:PAGE])
        found = documents.read([key for *_, key in told], look) if told else {}
        yield from (found[key][0] for _, _, key in sorted(told, key=lambda each: (each[0], int(each[1]), each[2])))
        if len(told) < PAGE:
            return
        after = told[-1][2]


def _draft(run: Simulation, since: datetime, pending: list[Draft], *, last: bool = False) -> list[Draft]:
    """Put drafts in force, and say which wait for an account or a currency that is not there yet."""
    waiting = []
    for command, given in pending:
        run.batch.now = max(since, run.batch.now)
        try:
            run.plan(COMMANDS[command], dict(given), ids.make(run.batch.now, 0), "draft")
        except NotFound:
            if last:
                raise
            waiting.append((command, given))
    return waiting


def _name(command: str, payload: Mapping[str, Any]) -> tuple[str, str] | None:
    """What a rule is called that a draft may take the place of."""
    if command == "publish_prices":
        return "price book", fold(payload["book"])
    if command in ("set_budget", "end_budget"):
        return "budget", fold(payload.get("name") or payload.get("budget") or "")
    return None


def _names_of(drafts: Mapping[str, Sequence[Mapping[str, Any]]]) -> set[tuple[str, str] | None]:
    given = [(DRAFTS[kind], each) for kind, many in drafts.items() for each in many]
    return {_name(command, each) for command, each in given} - {None}


def _refused(event: Mapping[str, Any], refusal: Refusal, names: Mapping[str, str]) -> Refused:
    payload = event["payload"]
    account = next((payload[name] for name in ("account", "from_account", "buyer") if payload.get(name)), "")
    detail = {name: value for name, value in refusal.facts.items() if value is not None}
    return Refused(
        event["id"], event["recorded_at"], event["command"], names.get(account, account), refusal.code, detail
    )


def _changes(tenant: int, run: Simulation, until: datetime, charged: Mapping[str, list[int]]) -> Iterator[Change]:
    """The accounts that would have been charged otherwise, or would have something else."""
    would = run.balances()
    with as_of.one_moment():
        for account in Account.objects.filter(tenant=tenant).order_by("name"):
            facts = look_up(tenant, [account.id], read)[account.id]
            buckets, _ = as_of.buckets(facts, Cut(known_at=until))
            has = sum(buckets) - 2 * buckets[Bucket.CREDIT_USED]
            was, now = charged.get(account.name, (0, 0))
            if was != now or has != would.get(account.name, 0):
                yield Change(account.name, account.currency, (was, now), (has, would.get(account.name, 0)))


def read_draft(text: str) -> list[dict[str, Any]]:
    """A draft as it is written down: a JSON array of objects, or one. Refuses: InvalidRequest."""
    try:
        found = json.loads(text, parse_float=str)
    except ValueError as error:
        raise InvalidRequest(field="draft", reason=f"not JSON: {error}") from error
    many = found if isinstance(found, list) else [found]
    if not all(isinstance(each, dict) for each in many):
        raise InvalidRequest(field="draft", reason="not an array of objects")
    return many
