"""Budgets in the back office: each with what is used and promised of its running window, and the tree it stands in."""

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.budgets import reading
from accounts.models import Budget, Currency
from ledger_project.kernel import clock
from ledger_project.web.backoffice import html
from ledger_project.web.backoffice.charts import bar
from ledger_project.web.backoffice.columns import TENANT, column, moment
from ledger_project.web.backoffice.html import Column, Section, Table
from ledger_project.web.backoffice.list_filters import TenantFilter
from ledger_project.web.backoffice.site import ReadOnlyAdmin

DEEPEST = 16


def state(budget: Any) -> SafeString:
    """A bar, and the same in words."""
    now = budget.running
    used, reserved = (int(now["used"]), int(now["reserved"])) if now else (0, 0)
    limit = int(budget.limit)
    share = f"{(used + reserved) * 100 // limit} %" if limit else "stopped"
    says = f"{share} of the limit: {used} used, {reserved} promised"
    return format_html("{} {}", bar([(used, "used"), (reserved, "held")], limit, says), share)


def left(budget: Any) -> Any:
    now = budget.running
    taken = int(now["used"]) + int(now["reserved"]) if now else 0
    return html.amount(max(0, int(budget.limit) - taken), budget.scale)


def resets(budget: Any) -> Any:
    now = budget.running
    return html.moment(clock.read(now["ends_at"])) if now and now["ends_at"] else html.NONE


def whom(budget: Any) -> str:
    if budget.account_id:
        return str(budget.account.name)
    if budget.account_prefix:
        return f"{budget.account_prefix}…"
    return "a session key" if budget.session_key_id else "those below it"


def tree(request: HttpRequest, budget: Any) -> list[Section]:
    """All budgets from the topmost one on, each below the one that it is asked with."""
    top = budget
    for _ in range(DEEPEST):
        top = top.parent or top
    everyone = list(Budget.objects.filter(tenant=budget.tenant_id, ended_at__isnull=True).select_related("account"))
    complete(everyone)
    below: dict[Any, list[Any]] = {}
    for each in everyone:
        below.setdefault(each.parent_id, []).append(each)

    def walk(each: Any, depth: int) -> Iterator[list[Any]]:
        name = html.link(html.record_url("accounts.budget", "bud", each.pk), each.name)
        shown = format_html("{}{}", "\u2003" * depth + ("└ " if depth else ""), name)
        yield [shown, whom(each), each.window, html.amount(int(each.limit), each.scale), state(each), left(each)]
        for child in sorted(below.get(each.pk, []), key=lambda child: child.name) if depth < DEEPEST else ():
            yield from walk(child, depth + 1)

    start = next((each for each in everyone if each.pk == top.pk), None)
    columns = [Column("budget"), Column("for"), Column("window"), Column("limit", figures=True), Column("now")]
    columns.append(Column("left", figures=True))
    return [Table("Tree", columns, list(walk(start, 0)) if start else [], empty="The budget has ended.")]


def complete(rows: list[Any]) -> None:
    tenants = {row.tenant_id for row in rows}
    scales = {(each.tenant_id, each.code): each.scale for each in Currency.objects.filter(tenant__in=tenants)}
    windows = reading.windows([row.pk for row in rows])
    for row in rows:
        row.scale = scales[row.tenant_id, row.currency]
        row.running = windows.get(row.pk)


@admin.register(Budget)
class BudgetAdmin(ReadOnlyAdmin):
    section, icon, order = "Books", "savings", 40
    id_prefix = "bud"
    list_display = (
        "name_and_id",
        column("for", whom),
        "window",
        column("limit", lambda row: html.amount(int(row.limit), row.scale, row.currency), name="amount_limit"),
        column("now", state),
        column("left", left, name="amount_left"),
        column("resets", resets),
        column("mode", lambda row: html.status("ended" if row.ended_at else row.mode)),
        TENANT,
    )
    list_filter = (TenantFilter,)
    list_select_related = ("tenant", "account", "parent")
    search_fields = ("name",)
    facts = (
        "linked_id",
        TENANT,
        column("for", whom),
        column("below", lambda row: row.parent.name if row.parent else "none: it is the topmost"),
        column("window", lambda row: f"{row.window}, {row.time_zone}"),
        column("limit", lambda row: html.amount(int(row.limit), row.scale, row.currency), name="amount_limit"),
        column("now", state),
        column("left", left, name="amount_left"),
        column("resets", resets),
        column("mode", lambda row: f"{row.mode}: {'refuses' if row.mode == 'hard' else 'tells'}"),
        column("models", lambda row: ", ".join(row.models) if row.models else "all"),
        column("alerts", lambda row: ", ".join(f"{each} %" for each in row.alerts) or "none"),
        moment("created_at", "set"),
        moment("ended_at", "ended"),
    )
    sections = (tree,)

    def complete(self, rows: list[Any]) -> None:
        complete(rows)
