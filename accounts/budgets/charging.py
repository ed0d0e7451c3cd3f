"""Charging budgets: what a command takes from those on the way of its payments, and what its holds give back.

A direct payment is used at once. A hold reserves; its capture turns the reservation into use, in the window in which
the hold was placed, and its release gives it back. Money that stays below a budget does not count there.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from accounts.budgets.errors import BudgetExceeded
from accounts.budgets.rows import NEWEST, BudgetRow, WindowRow
from accounts.budgets.tree import Tree
from accounts.rows import AccountFacts
from ledger_project.kernel import clock, ids
from ledger_project.kernel.windows import window
from ledger_project.log.unit import Unit

Reservation = dict[str, Any]  # as a hold keeps it: `budget`, `window` and whether it `counts` there
NO_TREE = Tree()


class BudgetBooks(Unit):
    """The part of a unit of work that budgets see. `session_key` and `model` are what the payments at hand name.

    `done`: the work that is paid for was done already; then a hard budget books it, above its limit.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.budgets: Tree = self.batch.facts.get(Tree, NO_TREE)
        self.session_key: UUID | None = None
        self.model: str | None = None
        self.done = False
        self.promised: dict[UUID, int] = {}  # by account, what this command set aside
        self.charged: dict[tuple[UUID, datetime], int] = {}  # by window, what this command has used

    def _path(self, facts: AccountFacts) -> list[UUID]:
        return self.budgets.path(facts, session_key=self.session_key, model=self.model)

    def charge_payments(self, changes: Iterable[tuple[AccountFacts, int]]) -> None:
        """Charge what accounts have less at their own disposal, but for what was set aside. Refuses: BudgetExceeded."""
        left: dict[UUID, int] = {}
        for facts, change in changes:
            change += self.promised.get(facts.id, 0)
            for budget in self._path(facts) if change < 0 else self.budgets.around(facts) if change else ():
                left[budget] = left.get(budget, 0) - change
        for budget, amount in sorted(left.items()):
            if amount > 0:
                self._charge(budget, amount)

    def reserve(self, facts: AccountFacts, amount: int, to: AccountFacts | None) -> list[Reservation]:
        """Reserve for a hold, and say where. Refuses: BudgetExceeded."""
        self.promised[facts.id] = self.promised.get(facts.id, 0) + amount
        if self.command.unbudgeted:
            return []
        within = self.budgets.around(to) if to else set()
        made = []
        for budget in self._path(facts):
            counts = budget not in within
            begun = self._charge(budget, amount, reserved=True) if counts else self._window(budget)[1]
            start = clock.stamp(begun.starts_at)
            made.append({"budget": ids.show("bud", budget), "window": start, "counts": counts})
        return made

    def settle(self, reservations: Sequence[Reservation], amount: int, to: AccountFacts | None) -> None:
        """Of what a hold reserved, `amount` was paid, or is given back where it goes to nobody.

        Refuses: BudgetExceeded, where a hold that was to stay below a budget pays somebody else.
        """
        within = self.budgets.around(to) if to else set()
        for each in reservations:
            budget = ids.read("bud", each["budget"])
            row = self.find(WindowRow, (budget, clock.read(each["window"])))
            if budget is None or row is None:
                raise AssertionError("the windows of a hold's budgets are locked with it")
            used = amount if to and budget not in within else 0
            if each["counts"]:
                row.reserved -= amount
                row.used += used
                row.changed = True
                self._note(row, used)
            elif used and budget in self.budgets.nodes:
                self._charge(budget, used)

    def return_to(self, budget: UUID, starts_at: datetime, amount: int) -> None:
        """Of what was used in a window, so much was not, as it shows now; where it is over, that goes first."""
        row = self.find(WindowRow, (budget, starts_at))
        if row is None:
            raise AssertionError("the windows that a usage was charged to are locked with it")
        row.used -= amount
        row.over -= min(row.over, amount)
        row.changed = True

    def show_budgets(self) -> None:
        """Name the windows that have changed in the event and the answer."""
        changed = [row for row in self.rows.values() if isinstance(row, WindowRow) and row.changed]
        if changed:
            self.result["budgets"] = [row.document() for row in sorted(changed, key=lambda row: row.key)]

    def _charge(self, key: UUID, amount: int, *, reserved: bool = False) -> WindowRow:
        budget, row = self._window(key)
        if budget.mode == "hard" and row.total + amount > budget.limit + row.over:
            if not self.done:
                raise exceeded(budget, row, amount)
            row.over = row.total + amount - budget.limit
        if reserved:
            row.reserved += amount
        else:
            row.used += amount
            self._note(row, amount)
        row.alert = max(row.alert, budget.reached(row.total))
        row.changed = True
        return row

    def _note(self, row: WindowRow, used: int) -> None:
        if used:
            self.charged[row.key] = self.charged.get(row.key, 0) + used

    def _window(self, key: UUID) -> tuple[BudgetRow, WindowRow]:
        """The budget and its window of now, begun where this is its first payment."""
        budget = self.find(BudgetRow, key)
        if budget is None:
            raise AssertionError("the budgets on the way of an account are locked with it")
        row = self.find(WindowRow, (key, NEWEST))
        if row is None or (row.ends_at is not None and row.ends_at <= self.now):
            start, end = window(budget.window, budget.time_zone, self.now)
            row = self.add(WindowRow(budget=key, starts_at=start, ends_at=end), (key, NEWEST))
        return budget, row


def exceeded(budget: BudgetRow, row: WindowRow, asked: int) -> BudgetExceeded:
    """The refusal of a payment that is more than a budget has left."""
    return BudgetExceeded(
        budget=ids.show("bud", budget.id),
        name=budget.name,
        window=budget.window,
        limit=str(budget.limit),
        used=str(row.used),
        reserved=str(row.reserved),
        left=str(max(0, budget.limit - row.total)),
        asked=str(asked),
        resets_at=row.ends_at and clock.stamp(row.ends_at),
    )
