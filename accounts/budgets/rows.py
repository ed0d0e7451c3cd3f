"""Budgets as the executor sees them: what each allows, and what was used and promised in each of its windows.

Budgets are locked by id before any balance; a budget's row is the lock of its windows.
"""

from collections.abc import Hashable, Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from accounts.budgets.tree import TREES, Tree
from accounts.rows import look_up
from ledger_project.kernel import ids
from ledger_project.kernel.identity import fold
from ledger_project.log.caller import Caller
from ledger_project.log.lock_order import LockOrder
from ledger_project.log.table import StoredRow, TableStore, column, money, stored
from ledger_project.log.unit import Batch, Look, Query, Wants

NEWEST = None  # the window of a budget that was begun last


@stored
class BudgetRow(StoredRow):
    """A budget under lock. It is for one account, for all whose names begin alike, for a session key, or for nothing
    but the budgets below it."""

    by_meaning = True

    id: UUID = column(public="bud")
    name: str = column()
    currency: str = column()
    account: UUID | None = column("account_id", public="acc")
    account_prefix: str | None = column()
    session_key: UUID | None = column("session_key_id", public="ssk")
    parent: UUID | None = column("parent_id", public="bud", changes=True, default=None)
    window: str = column()
    time_zone: str = column()
    limit: int = money(changes=True)
    mode: str = column(changes=True)
    models: list[str] | None = column(changes=True)
    alerts: list[int] = column(changes=True)
    created_at: datetime = column()
    updated_at: datetime = column(changes=True)
    ended_at: datetime | None = column(changes=True, default=None)

    @property
    def names(self) -> tuple[Hashable, ...]:
        """Its id as callers write it and, until it ends, its name."""
        return (ids.show("bud", self.id), *([] if self.ended_at else [fold(self.name)]))

    def belongs_to(self, caller: Caller) -> bool:
        return caller.account is not None and caller.account == self.account

    def reached(self, total: int) -> int:
        """The highest of its alerts that this much of it sets off, or 0."""
        if not total:
            return 0
        return max((each for each in self.alerts if total * 100 >= self.limit * each), default=0)


@stored
class WindowRow(StoredRow):
    """What was used and promised of a budget in one of its windows; `ends_at` is None where it never ends.

    `over` is what work that was done already took above the limit. `alert` is the highest threshold that was reached,
    `told` the highest that was told of.
    """

    budget: UUID = column("budget_id", public="bud")
    starts_at: datetime = column()
    ends_at: datetime | None = column()
    used: int = money(changes=True, default=0)
    reserved: int = money(changes=True, default=0)
    over: int = money(changes=True, default=0)
    alert: int = column(type="smallint", changes=True, default=0)
    told: int = column(type="smallint", changes=True, default=0)

    times = ()  # when it ends is no time of a change

    @property
    def key(self) -> tuple[UUID, datetime]:
        return self.budget, self.starts_at

    @property
    def total(self) -> int:
        return self.used + self.reserved


class BudgetStore(TableStore):
    """Wants: `budget` by id or name; `budget_window` a budget (UUID) and the beginning of a window, or the NEWEST."""

    rank = LockOrder.BUDGET
    row = BudgetRow
    kinds = frozenset({"budget"})
    leads = frozenset({"budget_window"})
    table = "accounts_budget"

    def takes_part(self, wants: Wants) -> bool:
        return bool(wants.revision) or super().takes_part(wants)

    def prepare(self, wants: Wants, look: Look) -> None:
        """Every budget on the way of the accounts that are wanted, with those that are named."""
        tree = TREES.of(wants, look)
        wants.facts[Tree] = tree
        if tree:
            refs = {*wants.refs.get("account", ()), *wants.refs.get("whole_account", ())}
            refs |= {account for account, _ in wants.refs.get("balance", ())}
            facts = look_up(wants.tenant, refs, look, remember=wants.committed)
            for account in {each.id: each for each in facts.values()}.values():
                self._want(wants, tree.around(account))
            for name in refs - facts.keys():  # an account that this batch may open
                self._want(wants, tree.around_name(name) if isinstance(name, str) else ())
            for key in wants.refs.get("session_key", ()):
                self._want(wants, [up for node in tree.by_session.get(key, ()) for up in tree.above(node)])
        for ref in list(wants.refs.get("budget", ())):
            node = tree.by_name.get(fold(ref)) if isinstance(ref, str) else ref
            if node is not None:
                self._want(wants, [node])

    def _want(self, wants: Wants, budgets: Iterable[UUID]) -> None:
        for budget in budgets:
            wants.add("budget", budget)
            wants.add("budget_window", (budget, NEWEST))

    def reading(self, wants: Wants) -> Query | None:
        refs = wants.refs.get("budget")
        if not refs:
            return None
        keys = {ref if isinstance(ref, UUID) else ids.read("bud", ref) for ref in refs} - {None}
        names = [fold(ref) for ref in refs if isinstance(ref, str)]
        condition = (
            "(stored.id = ANY(%s::uuid[]) OR (stored.ended_at IS NULL AND folded(stored.name) = ANY(%s::text[])))"
        )
        return self.columns.locked(wants.tenant, condition, list(keys), names)


class WindowStore(TableStore):
    """Read when their budgets are locked, in a statement of its own, which sees every payment before it."""

    rank = LockOrder.BUDGET_WINDOW
    row = WindowRow
    kinds = frozenset({"budget_window"})
    table = "accounts_budgetwindow"
    key_columns = ("budget_id", "starts_at")

    def reading(self, wants: Wants) -> Query | None:
        asked = wants.refs.get("budget_window")
        if not asked:
            return None
        named = [pair for pair in asked if pair[1] is not NEWEST]
        newest = [budget for budget, start in asked if start is NEWEST]
        return (
            f"{self.columns.select} WHERE stored.tenant_id = %s AND (stored.budget_id, stored.starts_at) IN ("
            " SELECT * FROM unnest(%s::uuid[], %s::timestamptz[]) UNION ALL"
            " SELECT wanted.id, (SELECT max(starts_at) FROM accounts_budgetwindow WHERE budget_id = wanted.id)"
            " FROM unnest(%s::uuid[]) AS wanted (id))",
            (wants.tenant, [budget for budget, _ in named], [start for _, start in named], newest),
        )

    def load(self, records: Iterable[Sequence[Any]], batch: Batch, wants: Wants) -> None:
        rows = sorted(map(self.columns.read, records), key=lambda row: row.starts_at)
        for row in rows:  # of a budget's windows, the last one leaves its name
            batch.load(row, (row.budget, NEWEST))
