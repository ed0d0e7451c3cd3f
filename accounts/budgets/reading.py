"""Reading budgets."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from accounts.budgets.errors import BudgetNotFound
from accounts.budgets.rows import BudgetStore, WindowStore
from accounts.budgets.tree import read_tree
from accounts.folding import meaning
from accounts.models import Account, Budget, BudgetWindow
from accounts.rows import account_key, look_up
from ledger_project.kernel import clock, ids
from ledger_project.log.queries import read


def budget(tenant: int, ref: str) -> Budget:
    """One budget by its id, or by its name while it has not ended. Refuses: BudgetNotFound."""
    key = ids.read("bud", ref)
    mine = Budget.objects.filter(tenant=tenant)
    found = (mine.filter(pk=key) if key else meaning(mine.filter(ended_at__isnull=True), "name", ref)).first()
    if found is None:
        raise BudgetNotFound(budget=ref[:300])
    return found


def show(row: Budget) -> dict[str, Any]:
    """The budget as its events have it, with the window that is at hand."""
    newest = row.windows.order_by("-starts_at").first()
    at_hand = newest if newest and (newest.ends_at is None or newest.ends_at > clock.now()) else None
    return {
        **BudgetStore.columns.of(row).document(),
        "current": WindowStore.columns.of(at_hand).document() if at_hand else None,
    }


def windows(budgets: Sequence[UUID]) -> dict[UUID, dict[str, Any]]:
    """The windows at hand of many budgets, by budget."""
    newest = BudgetWindow.objects.filter(budget__in=budgets).order_by("budget", "-starts_at").distinct("budget")
    now = clock.now()
    return {
        row.budget_id: WindowStore.columns.of(row).document()
        for row in newest
        if row.ends_at is None or row.ends_at > now
    }


def around_ref(tenant: int, ref: str) -> set[UUID]:
    """The budgets that payments of an account pass; none where there is no such account."""
    key = account_key(ref)
    facts = look_up(tenant, [key], read).get(key)
    return read_tree(tenant, read).around(facts) if facts else set()


def around(account: UUID) -> set[UUID]:
    row = Account.objects.only("tenant_id").get(pk=account)
    return around_ref(row.tenant_id, ids.show("acc", account))
