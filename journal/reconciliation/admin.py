"""The back office's pages of reconciliations: what was checked, what was found, the report to take away."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html

from accounts.admin import TenantAdmin
from accounts.models import Tenant
from journal.models import ReconciliationRun
from journal.reconciliation import reports
from journal.reconciliation.running import checks
from journal.tables import account_link
from ledger_project.kernel import ids
from ledger_project.web.backoffice import html
from ledger_project.web.backoffice.columns import TENANT, column, moment
from ledger_project.web.backoffice.html import Column, Section, Table, Text
from ledger_project.web.backoffice.list_filters import Choices, RecordedBetween, TenantFilter
from ledger_project.web.backoffice.operations import Operation
from ledger_project.web.backoffice.site import ReadOnlyAdmin

SHOWN = 200  # findings on a page; the report has more
RECENT = 5  # runs on a tenant's page
STATUS = column("status", lambda row: html.status(row.status))
RUNS = (Column("run"), Column("asked for"), Column("status"), Column("differences", figures=True))

RECONCILE = Operation(
    command="request_reconciliation",
    label="Reconcile now",
    done="reconciliation asked for",
    warning="A worker runs all checks of the books and of the log within seconds, and stores what it finds.",
    bulk=True,
)


class ResultFilter(Choices):
    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("requested", "Requested"), ("matched", "Matched"), ("mismatched", "Mismatched")]

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Any]") -> "QuerySet[Any]":
        wanted: dict[str, dict[str, Any]] = {
            "requested": {"finished_at__isnull": True},
            "matched": {"mismatches": 0},
            "mismatched": {"mismatches__gt": 0},
        }
        return queryset.filter(**wanted.get(self.value() or "", {}))


@admin.register(ReconciliationRun)
class ReconciliationAdmin(ReadOnlyAdmin):
    section, icon, order = "Books", "fact_check", 60
    id_prefix = "rec"
    list_display = (
        "linked_id",
        moment("requested_at", "asked for"),
        moment("finished_at", "finished"),
        STATUS,
        column("differences", lambda row: "" if row.mismatches is None else row.mismatches, name="amount_differences"),
        "requested_by",
        TENANT,
    )
    list_filter = (TenantFilter, ResultFilter, RecordedBetween)
    list_select_related = ("tenant",)
    search_help_text = "rec_…; a tenant's page has the button that asks for a run"
    search_fields = ("requested_by",)
    facts = (
        "whole_id",
        STATUS,
        TENANT,
        "requested_by",
        "reason",
        moment("requested_at", "asked for"),
        moment("started_at", "begun"),
        moment("finished_at", "finished"),
        column("size of the sealed log", lambda row: row.log_size),
        column("differences", lambda row: row.mismatches),
        moment("reported_at", "told of by an event"),
        moment("mailed_at", "mailed"),
    )

    def heading(self, row: ReconciliationRun) -> str:
        return f"Reconciliation of {row.tenant.name}"

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.download)
        return [path("<slug:object_id>/report.<slug:form>", view, name="reconciliation_report"), *super().get_urls()]

    def download(self, request: HttpRequest, object_id: str, form: str) -> HttpResponse:
        """The report as a file."""
        run = self.get_object(request, object_id)
        if run is None or form not in reports.FORMS:
            raise Http404
        if not self.has_view_permission(request, run):
            raise PermissionDenied
        return reports.download(run, form)


def found(request: HttpRequest, run: ReconciliationRun) -> list[Section]:
    """Each check with its result, the differences, and the report's forms."""
    links = [
        html.link(reverse("admin:reconciliation_report", args=(str(run), form)), f"Report as {form.upper()}")
        for form in reports.FORMS
    ]
    if request.user.has_perm(RECONCILE.permission):
        again = reverse("admin:accounts_tenant_operate", args=(run.tenant_id, RECONCILE.command))
        links.append(html.link(again, "Reconcile again"))
    shown = [] if run.mismatches is None else [_checks(run), *_differences(run)]
    return [Text("Report", html.lines(links)), *shown]


def _checks(run: ReconciliationRun) -> Table:
    says = {check.name: check.says for check in checks()}
    rows = [
        [
            html.status("mismatched" if check["found"] else "matched"),
            _aligned(check["found"]),
            html.code(check["name"]),
            says.get(check["name"], ""),
        ]
        for check in sorted(run.checks, key=lambda check: not check["found"])
    ]
    columns = (Column("result"), Column("differences", figures=True), Column("check"), Column("what must be so"))
    return Table("Checks", columns, rows)


def _differences(run: ReconciliationRun) -> list[Section]:
    findings = list(run.findings.order_by("seq")[:SHOWN])
    if not findings:
        return []
    rows = [
        [html.code(each.check_name), _subject(each), _aligned(each.stored), _aligned(each.replayed)]
        for each in findings
    ]
    columns = (Column("check"), Column("of what"), Column("stored", figures=True), Column("should be", figures=True))
    title = f"Differences: the first {SHOWN}" if (run.mismatches or 0) > len(findings) else "Differences"
    return [Table(title, columns, rows)]


def _aligned(value: object) -> Any:
    return format_html('<span class="lb-amount">{}</span>', value)


def _subject(finding: Any) -> Any:
    account = ids.read("acc", finding.account) if finding.account else None
    return account_link(account, finding.subject) if account else finding.subject


ReconciliationAdmin.extend(sections=[found])


def recent(request: HttpRequest, tenant: Tenant) -> list[Section]:
    """On a tenant's page: how its books fared lately."""
    if not request.user.has_perm("journal.view_reconciliationrun"):
        return []
    runs = ReconciliationRun.objects.filter(tenant=tenant).order_by("-id")[:RECENT]
    rows = [
        [
            html.public_id("rec", run.pk, href=run_url(run), short=True),
            html.moment(run.requested_at),
            html.status(run.status),
            "" if run.mismatches is None else _aligned(run.mismatches),
        ]
        for run in runs
    ]
    more = f"{html.list_url('journal.reconciliationrun')}?tenant={tenant.pk}"
    return [Table("Reconciliations", RUNS, rows, empty="None yet.", more=("All", more) if rows else None)]


def run_url(run: ReconciliationRun) -> str:
    return html.record_url("journal.reconciliationrun", "rec", run.pk)


TenantAdmin.extend(operations=[RECONCILE], sections=[recent])
