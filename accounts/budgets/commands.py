"""Budgets: set, changed, ended, and their alerts."""

from typing import Annotated
from uuid import UUID

from accounts.books import AccountBooks
from accounts.budgets.errors import BudgetAlertTold, BudgetCircle, BudgetNotFound, UnknownTimeZone
from accounts.budgets.rows import NEWEST, BudgetRow, WindowRow
from accounts.budgets.tree import DEEPEST
from accounts.errors import AccountNotFound, CurrencyNotFound, SessionKeyNotFound
from accounts.fields import AccountRef, CurrencyCode, NameField, SessionKeyId
from accounts.rows import SOLE_CURRENCY
from accounts.sessions import SessionKeyRow
from ledger_project.kernel import ids
from ledger_project.kernel.errors import InvalidRequest
from ledger_project.kernel.fields import (
    ChoiceField,
    Limit,
    ListField,
    Moment,
    RefField,
    TextField,
    Want,
    WholeNumberField,
)
from ledger_project.kernel.windows import KINDS, is_zone
from ledger_project.log.command import Arguments, command

Name = Annotated[str, RefField(kind="budget", maximum=128)]
BudgetRef = Annotated[str, RefField(kind="budget", maximum=128)]
Prefix = Annotated[str, NameField()]
Window = Annotated[str, ChoiceField(KINDS)]
Zone = Annotated[str, TextField(maximum=64, pattern=r"[A-Za-z0-9_+/-]+")]
Mode = Annotated[str, ChoiceField(("hard", "soft"))]
Models = Annotated[list[str], ListField(TextField(maximum=128), minimum=1, maximum=50)]
Percent = WholeNumberField(1, 100)
Alerts = Annotated[list[int], ListField(Percent, maximum=10)]
Threshold = Annotated[int, Percent]

ALERTS = (50, 80, 100)
SETTLED = ("account", "account_prefix", "session_key", "currency", "window", "time_zone")
CHANGING = ("parent", "limit", "mode", "models", "alerts", "updated_at")


def _currency(call: Arguments) -> list[Want]:
    named = call["currency"] or call["account"] or call["session_key"]
    return [] if named else [("currency", SOLE_CURRENCY)]


@command(
    event="budget.set",
    refuses=(
        InvalidRequest,
        UnknownTimeZone,
        AccountNotFound,
        SessionKeyNotFound,
        CurrencyNotFound,
        BudgetNotFound,
        BudgetCircle,
    ),
    also_wants=_currency,
    changes_rules=True,
)
def set_budget(
    books: AccountBooks,
    *,
    name: Name,
    limit: Limit,
    window: Window,
    account: AccountRef | None = None,
    account_prefix: Prefix | None = None,
    session_key: SessionKeyId | None = None,
    currency: CurrencyCode | None = None,
    parent: BudgetRef | None = None,
    time_zone: Zone = "UTC",
    mode: Mode = "hard",
    models: Models | None = None,
    alerts: Alerts | None = None,
) -> None:
    """Limit what may be paid in each window of time, or change what this budget of that name allows.

    It is for an account, for all whose names begin with a prefix, for a session key, or only for the budgets below it.
    Every payment asks all budgets on its way up; a hold reserves. A hard one refuses, a soft one tells. A limit of 0
    stops whoever is below. What it is for, its window and its currency are settled; of the rest, what is left out takes
    its default.
    """
    if sum(each is not None for each in (account, account_prefix, session_key)) > 1:
        raise InvalidRequest(field="account", reason="a budget is for an account, a prefix or a session key: name one")
    if not is_zone(time_zone):
        raise UnknownTimeZone(time_zone=time_zone)
    key = books.find(SessionKeyRow, session_key) if session_key else None
    if session_key and key is None:
        raise SessionKeyNotFound(session_key=ids.show("ssk", session_key))
    owner = books.account(account).facts if account else None
    of_owner = owner.currency if owner else key.currency if key else None
    if of_owner and currency not in (None, of_owner):
        raise InvalidRequest(field="currency", reason=f"the account's is {of_owner}")
    found = books.find(BudgetRow, name)
    wanted = BudgetRow(
        id=found.id if found else books.new_id(),
        name=found.name if found else name,
        currency=of_owner or books.currency(currency).code,
        account=owner.id if owner else None,
        account_prefix=account_prefix,
        session_key=session_key,
        window=window,
        time_zone=time_zone,
        limit=limit,
        mode=mode,
        models=models,
        alerts=sorted(set(ALERTS if alerts is None else alerts)),
        created_at=found.created_at if found else books.now,
        updated_at=books.now,
    )
    wanted.parent = _parent(books, wanted, parent)
    budget = _change(found, wanted) if found else books.add(wanted, *wanted.names)
    _weigh_again(books, budget)
    books.result["budget"] = budget.document()


def _change(budget: BudgetRow, wanted: BudgetRow) -> BudgetRow:
    """Let a budget allow something else. Refuses: InvalidRequest, where it would be for something else."""
    for field in SETTLED:
        if getattr(budget, field) != getattr(wanted, field):
            raise InvalidRequest(field=field, reason="settled when the budget was set; end it and set another")
    for field in CHANGING:
        setattr(budget, field, getattr(wanted, field))
    budget.changed = True
    return budget


def _parent(books: AccountBooks, budget: BudgetRow, ref: str | None) -> UUID | None:
    """The budget above. Refuses: BudgetNotFound, InvalidRequest, BudgetCircle."""
    if ref is None:
        return None
    parent = books.find(BudgetRow, ref)
    if parent is None or parent.ended_at:
        raise BudgetNotFound(budget=ref)
    if parent.currency != budget.currency:
        raise InvalidRequest(field="parent", reason=f"it is in {parent.currency}")
    above = books.budgets.above(parent.id) or [parent.id]
    if budget.id in above or len(above) >= DEEPEST:
        raise BudgetCircle(budget=budget.name, parent=parent.name)
    return parent.id


def _weigh_again(books: AccountBooks, budget: BudgetRow) -> None:
    """Under another limit the alerts are those that it sets off; what was told of and is still so is not told again."""
    row = books.find(WindowRow, (budget.id, NEWEST))
    if row is not None and not row.new:
        row.alert = budget.reached(row.total)
        row.told = min(row.told, row.alert)
        row.changed = True


@command(event="budget.ended", refuses=(BudgetNotFound,), changes_rules=True)
def end_budget(books: AccountBooks, *, budget: BudgetRef) -> None:
    """Ask a budget no more; what stands below it stays, and so does its history."""
    row = books.find(BudgetRow, budget)
    if row is None or row.ended_at:
        raise BudgetNotFound(budget=budget)
    row.ended_at = row.updated_at = books.now
    row.changed = True
    books.result["budget"] = row.document()


@command(
    event="budget.alerted",
    refuses=(BudgetNotFound, BudgetAlertTold),
    also_wants=lambda call: [("budget_window", (ids.read("bud", call["budget"]), call["window"]))],
    internal=True,
)
def alert_budget(books: AccountBooks, *, budget: BudgetRef, window: Moment, threshold: Threshold) -> None:
    """Tell that so many per cent of a budget are used or promised in this window; once for each threshold."""
    found = books.find(BudgetRow, budget)
    row = books.find(WindowRow, (found.id, window)) if found else None
    if found is None or row is None:
        raise BudgetNotFound(budget=budget)
    if not row.told < threshold <= row.alert:
        raise BudgetAlertTold(budget=budget, threshold=threshold)
    row.told = threshold
    row.changed = True
    books.result["budget"] = found.document()
    books.result["threshold"] = threshold
