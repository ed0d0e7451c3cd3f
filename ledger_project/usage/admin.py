"""Price books and usage in the back office: versions side by side, and what an account used by day and model."""

from collections.abc import Iterator
from datetime import timedelta
from fractions import Fraction
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest

from accounts.admin import AccountAdmin
from accounts.models import Account
from journal.admin import AccountFilter
from ledger_project.kernel import clock, ids
from ledger_project.log.queries import read
from ledger_project.usage.bills.formats import in_units
from ledger_project.usage.bills.reading import exact
from ledger_project.usage.models import PriceVersion, Usage
from ledger_project.web.backoffice import html
from ledger_project.web.backoffice.charts import stacked
from ledger_project.web.backoffice.columns import TENANT, column, moment
from ledger_project.web.backoffice.html import Column, Section, Table, Text
from ledger_project.web.backoffice.list_filters import ExactText, TenantFilter
from ledger_project.web.backoffice.site import ReadOnlyAdmin

DAYS, MODELS = 30, 6  # of the chart; what is more is "other"


def version_url(version: UUID) -> str:
    return html.record_url("usage.priceversion", "prv", version)


def price_of(rate: dict[str, Any] | None) -> str:
    if rate is None:
        return "—"
    if "tiers" in rate:
        return ", ".join(map(_step, rate["tiers"])) + _per(rate)
    return f"{rate['price']}{_per(rate)}"


def _step(tier: dict[str, Any]) -> str:
    return f"up to {tier['up_to']:,}: {tier['price']}" if tier.get("up_to") else f"then {tier['price']}"


def _per(rate: dict[str, Any]) -> str:
    return f" per {rate['per']:,}" if rate.get("per", 1) != 1 else ""


def change(old: dict[str, Any] | None, new: dict[str, Any] | None) -> str:
    """In words, with the percentage, exactly, where it has one."""
    if old is None or new is None:
        return "added" if old is None else "removed"
    if price_of(old) == price_of(new):
        return "the same"
    if "tiers" in old or "tiers" in new:
        return "changed"
    was, now = (Fraction(each["price"]) / each.get("per", 1) for each in (old, new))
    if not was:
        return "no longer free"
    tenths = (now - was) * 1000 / was
    shown = f"{abs(tenths.numerator // tenths.denominator) / 10:g}"
    return f"{'+' if now > was else '-'}{shown} %"


def compared(request: HttpRequest, version: Any) -> list[Section]:
    """The rates beside those of the version before."""
    before = (
        PriceVersion.objects.filter(tenant=version.tenant_id, book=version.book, number__lt=version.number)
        .order_by("-number")
        .first()
    )
    new = {(rate["model"], rate["metric"]): rate for rate in version.rates}
    old = {(rate["model"], rate["metric"]): rate for rate in before.rates} if before else {}
    rows = []
    for key in sorted(new.keys() | old.keys()):
        said = change(old.get(key), new.get(key)) if before else ""
        rows.append([*key, price_of(old.get(key)), price_of(new.get(key)), html.status(said) if said else ""])
    then = f"version {before.number}" if before else "before"
    columns = [Column("model"), Column("metric"), Column(then), Column(f"version {version.number}"), Column("change")]
    more = ("The version before", version_url(before.pk)) if before else None
    return [Table("Rates", columns, rows, more=more)]


@admin.register(PriceVersion)
class PriceVersionAdmin(ReadOnlyAdmin):
    section, icon, order = "Books", "sell", 50
    id_prefix = "prv"
    list_display = (
        column("book", lambda row: html.link(version_url(row.pk), row.book)),
        column("version", lambda row: row.number),
        moment("effective_at", "in force from"),
        moment("published_at", "published"),
        "currency",
        column("markup", lambda row: f"{row.markup_bps / 100:g} %"),
        column("rates", lambda row: len(row.rates)),
        TENANT,
    )
    list_filter = (TenantFilter,)
    list_select_related = ("tenant",)
    search_fields = ("book",)
    facts = (
        "linked_id",
        TENANT,
        "book",
        "number",
        "currency",
        moment("effective_at", "in force from"),
        moment("published_at", "published"),
        column("months of", lambda row: row.time_zone),
        column("markup", lambda row: f"{row.markup_bps / 100:g} %"),
        column("minimum of one usage", lambda row: row.minimum),
    )
    sections = (compared,)


class ModelFilter(ExactText):
    title = parameter_name = "model"


class RequestFilter(ExactText):
    title, parameter_name = "request id", "request_id"


def lines(request: HttpRequest, usage: Any) -> list[Section]:
    """What it was priced by, metric by metric, and what was posted about the request besides."""
    rates = usage.version.rates
    columns = [Column("metric"), Column("quantity", figures=True), Column("price"), Column("cost", figures=True)]
    rows = [
        [
            line["metric"],
            f"{line['quantity']:,}",
            price_of(rates[line["rate"]]),
            in_units(int(line["cost"]), usage.account.scale),
        ]
        for line in usage.lines
    ]
    same = Q(tenant=usage.tenant_id, source=usage.source, request_id=usage.request_id)
    history = [
        [
            html.public_id("usg", each.pk, href=html.record_url("usage.usage", "usg", each.pk), short=True),
            html.status(each.kind),
            html.moment(each.recorded_at),
            html.amount(int(each.charged), usage.account.scale),
        ]
        for each in Usage.objects.filter(same).order_by("pk")[:50]
    ]
    about = [Column("posting"), Column("kind"), Column("recorded"), Column("charged", figures=True)]
    return [Table("Cost", columns, rows), Table("All about this request", about, history)]


ACCOUNT = column(
    "account", lambda row: html.link(html.record_url("accounts.account", "acc", row.account_id), row.account.name)
)
CHARGED = column(
    "charged",
    lambda row: html.amount(int(row.charged), row.account.scale, row.account.currency),
    name="amount_charged",
)


@admin.register(Usage)
class UsageAdmin(ReadOnlyAdmin):
    section, icon, order = "Books", "speed", 60
    id_prefix = "usg"
    list_display = (
        column("request", lambda row: html.link(html.record_url("usage.usage", "usg", row.pk), row.request_id)),
        column("kind", lambda row: html.status(row.kind)),
        ACCOUNT,
        "model",
        column("used", lambda row: ", ".join(f"{name} {count:,}" for name, count in row.metrics.items())),
        CHARGED,
        moment("at", "used at"),
        TENANT,
    )
    list_filter = (TenantFilter, AccountFilter, ModelFilter, RequestFilter)
    list_select_related = ("tenant", "account")
    facts = (
        "linked_id",
        TENANT,
        column("request", lambda row: f"{row.request_id} of {row.source}" if row.source else row.request_id),
        column("kind", lambda row: html.status(row.kind)),
        ACCOUNT,
        "model",
        column("prices", lambda row: html.link(version_url(row.version_id), row.version)),
        column("cost", lambda row: f"{in_units(int(row.cost), row.account.scale)} {row.account.currency}"),
        CHARGED,
        column("paid in all", lambda row: html.amount(int(row.paid), row.account.scale), name="amount_paid"),
        column("not covered", lambda row: html.amount(int(row.uncovered), row.account.scale), name="amount_uncovered"),
        column("carried on", lambda row: f"{exact(int(row.remainder))} minor units"),
        column("late", lambda row: "yes: its hold was over" if row.late else "no"),
        moment("at", "used at"),
        moment("recorded_at", "recorded"),
    )
    sections = (lines,)


_BY_DAY = """
SELECT (at AT TIME ZONE 'UTC')::date AS day, model, count(*) FILTER (WHERE kind = 'recorded'), sum(charged)
  FROM usage_usage WHERE account_id = %s AND at >= %s GROUP BY 1, 2 ORDER BY 1, 4 DESC, 2
"""


def used_by(request: HttpRequest, account: Account) -> list[Section]:
    """What the account was charged for usage in the last thirty days, by day and model."""
    if not request.user.has_perm("usage.view_usage"):
        return []
    today = clock.now().date()
    days = [(today - timedelta(days=back)).isoformat() for back in reversed(range(DAYS))]
    found = read(_BY_DAY, [account.pk, f"{days[0]}T00:00:00Z"])
    if not found:
        return []
    totals: dict[str, int] = {}
    for _, model, _, charged in found:
        totals[model] = totals.get(model, 0) + int(charged)
    shown = sorted(totals, key=lambda model: (-totals[model], model))[: MODELS - 1]
    series: dict[str, list[int]] = {model: [0] * len(days) for model in shown}
    for day, model, _, charged in found:
        name = model if model in series else "other"
        values = series.setdefault(name, [0] * len(days))
        if day.isoformat() in days:
            values[days.index(day.isoformat())] += max(0, int(charged))
    says = f"Charged for usage by day, the last {DAYS} days"
    chart = stacked(days, series, says, lambda amount: html.grouped(amount, account.scale))
    shown_as = Text(f"Usage in {account.currency}", chart)
    return [shown_as, Table("Usage by day", list(_columns()), list(_rows(found, account)), more=_more(account))]


def _columns() -> Iterator[Column]:
    yield from (Column("day"), Column("model"))
    yield from (Column(name, figures=True) for name in ("requests", "charged"))


def _rows(found: list[Any], account: Account) -> Iterator[list[Any]]:
    for day, model, requests, charged in reversed(found):
        yield [day.isoformat(), model, html.amount(requests, 0), html.amount(int(charged), account.scale)]


def _more(account: Account) -> tuple[str, str]:
    return "All usage", f"{html.list_url('usage.usage')}?account={ids.show('acc', account.pk)}"


AccountAdmin.extend(sections=[used_by])
