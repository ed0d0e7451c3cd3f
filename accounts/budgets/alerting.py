"""Alerts: each threshold of a budget that was reached becomes one event, once in a window.

A payment notes the highest threshold that it reached, under the budget's lock; here events tell of it, in order. The
command refuses what was told, so a run that was killed, or that runs beside another, tells nothing twice.
"""

import logging

from accounts.models import BudgetWindow
from ledger_project.kernel import clock, ids
from ledger_project.log.each import for_each
from ledger_project.log.executor import execute_free, look, system_call

PAGE = 200  # windows of a tenant in one run
ACTOR = "system:budgets"

log = logging.getLogger(__name__)


def alert_due() -> int:
    """Tell of every threshold that was reached; how many events tell of it."""
    told: list[int] = []
    due = look("SELECT DISTINCT tenant_id FROM accounts_budgetwindow WHERE told < alert", ())
    for_each("alert_budgets", [tenant for (tenant,) in due], lambda tenant: told.append(_alert(tenant)))
    return sum(told)


def _alert(tenant: int) -> int:
    due = BudgetWindow.objects.filter(tenant=tenant).extra(where=["told < alert"]).select_related("budget")[:PAGE]
    calls = [
        system_call(
            tenant,
            "alert_budget",
            key=_key(row, threshold),
            actor=ACTOR,
            budget=ids.show("bud", row.budget_id),
            window=clock.stamp(row.starts_at),
            threshold=threshold,
        )
        for row in due
        for threshold in sorted(row.budget.alerts)
        if row.told < threshold <= row.alert
    ]
    results = execute_free(calls) if calls else []
    for call, result in zip(calls, results, strict=True):
        if isinstance(result, Exception):
            log.warning("%s is not told yet: %s", call.payload, result)
    return sum(not isinstance(result, Exception) for result in results)


def _key(row: BudgetWindow, threshold: int) -> str:
    """When the limit was set is part of it: one that was raised past a threshold lets it be told again."""
    parts = row.budget_id, clock.stamp(row.starts_at), threshold, clock.stamp(row.budget.updated_at)
    return ":".join(map(str, parts))
