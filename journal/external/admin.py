"""The back office's pages of statements of others: what is matched, what is open, what waits for a second person."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse

from accounts.admin import AccountAdmin
from journal.external import queries, reports
from journal.external.forms import ApprovalForm, ItemsForm, ProposalForm, SearchForm, UploadForm
from journal.external.models import ExternalAdjustment, ExternalMatch, ExternalStatement
from journal.tables import account_link, entry_link, entry_preview
from ledger_project.kernel import ids
from ledger_project.web.backoffice import html
from ledger_project.web.backoffice.columns import TENANT, column, moment
from ledger_project.web.backoffice.html import Column, Section, Table, Text
from ledger_project.web.backoffice.list_filters import Choices, RecordedBetween, TenantFilter
from ledger_project.web.backoffice.operations import Operation
from ledger_project.web.backoffice.site import ReadOnlyAdmin

SHOWN = 100  # open lines, open entries and matches on a page; the report has all that are open
LINES = (Column("line"), Column("date"), Column("amount", figures=True), Column("reference"), Column("description"))
ENTRIES = (Column("entry"), Column("date"), Column("amount", figures=True), Column("kind"), Column("references"))
STATEMENT = "journal.externalstatement"

UPLOAD = Operation(
    command="upload_external_statement",
    label="Upload statement",
    done="statement uploaded",
    warning="What a bank, a provider or a chain says about this account. Nothing is posted; a file is taken once.",
    subject="account",
    form=UploadForm,
)
OPERATIONS = (
    Operation(
        command="match_external_statement",
        label="Match",
        done="matched",
        warning="Looks for the open lines' entries by reference, by amount and in small groups.",
        subject="external_statement",
        form=SearchForm,
    ),
    Operation(
        command="match_external_items",
        label="Match by hand",
        done="matched by hand",
        warning="States that these lines are these entries; they come to the same amount.",
        subject="external_statement",
        form=ItemsForm,
    ),
    Operation(
        command="resolve_external_items",
        label="Explain",
        done="explained",
        warning="States why lines or entries have nothing on the other side. Nothing moves.",
        subject="external_statement",
        form=ItemsForm,
    ),
    Operation(
        command="propose_adjustment",
        label="Propose adjustment",
        done="adjustment proposed",
        warning="Proposes the entry that puts the books right. Somebody else approves it, and nothing moves before.",
        subject="external_statement",
        form=ProposalForm,
    ),
)
UNDO = Operation(
    command="undo_external_match",
    label="Undo",
    done="undone",
    warning="Its lines and entries are open again. What an adjustment posted stays.",
    subject="external_match",
    danger=True,
    offered=lambda match: match.undone_at is None,
)
APPROVE = Operation(
    command="approve_adjustment",
    label="Approve",
    done="posted",
    warning="Posts the entry, as of the day that it is about, and matches it. Not by who proposed it.",
    subject="adjustment",
    form=ApprovalForm,
    preview=entry_preview,
    offered=lambda adjustment: adjustment.status == "pending",
)
REJECT = Operation(
    command="reject_adjustment",
    label="Reject",
    done="rejected",
    warning="Nothing is posted; it may be proposed anew.",
    subject="adjustment",
    danger=True,
    offered=lambda adjustment: adjustment.status == "pending",
)

AccountAdmin.extend(operations=[UPLOAD])


def money(row: Any, amount: Any) -> Any:
    """An amount in the currency of the statement's account."""
    account = row.account
    return html.amount(None if amount is None else int(amount), account.scale, account.currency)


def statement_link(row: Any) -> Any:
    return html.link(html.record_url(STATEMENT, "xst", row.statement_id), row.statement.name)


@admin.register(ExternalStatement)
class ExternalStatementAdmin(ReadOnlyAdmin):
    section, icon, order = "Books", "request_quote", 70
    id_prefix, same_id = "xst", ("evt",)
    list_display = (
        "linked_id",
        "name",
        column("account", lambda row: account_link(row.account_id, row.account.name)),
        column("days", lambda row: f"{row.first_date} to {row.last_date}"),
        "lines",
        column("in", lambda row: money(row, row.money_in), name="amount_in"),
        column("out", lambda row: money(row, row.money_out), name="amount_out"),
        moment("uploaded_at", "uploaded"),
        TENANT,
    )
    list_filter = (TenantFilter, RecordedBetween)
    list_select_related = ("tenant", "account")
    search_fields = ("name",)
    search_help_text = "xst_… or how the file's name begins; an account's page has the button that uploads"
    operations = OPERATIONS
    facts = (
        "whole_id",
        *list_display[2:],
        "format",
        column("SHA-256 of the file", lambda row: html.code(row.sha256, copy=True)),
        column("opening balance", lambda row: money(row, row.opening)),
        column("closing balance", lambda row: money(row, row.closing)),
    )

    def heading(self, row: ExternalStatement) -> str:
        return row.name

    def get_queryset(self, request: HttpRequest) -> "QuerySet[Any]":
        return super().get_queryset(request).select_related("tenant", "account").defer("content")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.download)
        return [path("<slug:object_id>/report.csv", view, name="external_statement_report"), *super().get_urls()]

    def download(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The report as a file."""
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404
        if not self.has_view_permission(request, row):
            raise PermissionDenied
        return reports.download(row)


def standing(request: HttpRequest, row: ExternalStatement) -> list[Section]:
    """How far it is, then both open sides, then what waits and what was decided."""
    if not request.user.has_perm("journal.view_entry"):
        return []
    columns = (Column("state"), Column("lines", figures=True), Column("in", figures=True), Column("out", figures=True))
    told = [
        [html.status(state), part["lines"], money(row, part["money_in"]), money(row, part["money_out"])]
        for state, part in queries.progress(row).items()
    ]
    report = html.link(reverse("admin:external_statement_report", args=(str(row),)), "Report as CSV")
    return [Table("Lines", columns, told), Text("Report", report), *_open(row), *_decided(row)]


def _open(row: ExternalStatement) -> list[Section]:
    lines = [
        [line.number, line.date, money(row, line.amount), line.reference, line.description]
        for line in queries.lines(row, queries.OPEN).order_by("number")[:SHOWN]
    ]
    entries, _ = queries.OpenEntries(row).page(None, SHOWN)
    booked = [
        [
            entry_link(ids.read("ent", entry["entry"])),
            entry["date"],
            money(row, entry["amount"]),
            entry["kind"],
            html.pairs(entry["references"]),
        ]
        for entry in entries
    ]
    return [
        Table(f"Open lines (the first {SHOWN})", LINES, lines, empty="Every line is accounted for."),
        Table(f"Open entries of these days (the last {SHOWN})", ENTRIES, booked, empty="Every entry is accounted for."),
    ]


def _decided(row: ExternalStatement) -> list[Section]:
    columns = (Column("adjustment"), Column("amount", figures=True), Column("counter account"), Column("reason"))
    waiting = [
        [
            html.link(html.record_url("journal.externaladjustment", "adj", each.pk), str(each)[:12] + "…"),
            money(row, each.amount),
            each.counter_account.name,
            each.reason,
        ]
        for each in queries.waiting(row)[:SHOWN]
    ]
    matches = [
        [
            html.link(html.record_url("journal.externalmatch", "xmt", each.pk), each.how),
            html.status(each.kind),
            *_items(each),
            money(row, each.difference),
            each.reason,
        ]
        for each in queries.matches(row).filter(undone_at=None).order_by("-id")[:SHOWN]
    ]
    of_match = (Column("match"), Column("kind"), Column("lines"), Column("entries"), Column("difference", figures=True))
    return [
        Table("Waiting for a second person", columns, waiting, empty="No adjustment waits."),
        Table(f"Matches (the last {SHOWN})", (*of_match, Column("reason")), matches),
    ]


def _items(match: Any) -> tuple[Any, Any]:
    """The lines and entries of a match; of many, the first few."""
    numbers = sorted(each.number for each in match.matched_lines.all())
    entries = sorted(each.entry_id for each in match.matched_entries.all())
    more = [f"and {len(entries) - 5} more"] if len(entries) > 5 else []
    shown = ", ".join(map(str, numbers[:20])) + (" …" if len(numbers) > 20 else "")
    return shown, html.lines([*map(entry_link, entries[:5]), *more])


ExternalStatementAdmin.extend(sections=[standing])


@admin.register(ExternalMatch)
class ExternalMatchAdmin(ReadOnlyAdmin):
    section, icon, order = "Books", "join_inner", 71
    in_palette = False
    id_prefix = "xmt"
    list_display = (
        "linked_id",
        "kind",
        "how",
        column("statement", statement_link),
        column("difference", lambda row: money(row.statement, row.difference), name="amount_difference"),
        "reason",
        moment("created_at", "made"),
        moment("undone_at", "undone"),
        TENANT,
    )
    list_filter = (TenantFilter, RecordedBetween)
    list_select_related = ("tenant", "statement__account")
    search_fields = ("how",)
    search_help_text = "xmt_…"
    operations = (UNDO,)
    facts = (
        "whole_id",
        *list_display[1:],
        column("lines", lambda row: _items(row)[0]),
        column("entries", lambda row: _items(row)[1]),
    )


class StatusFilter(Choices):
    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(value, value.capitalize()) for value in ExternalAdjustment.Status.values]


@admin.register(ExternalAdjustment)
class ExternalAdjustmentAdmin(ReadOnlyAdmin):
    section, icon, order = "Books", "rule", 72
    id_prefix = "adj"
    list_display = (
        "linked_id",
        column("status", lambda row: html.status(row.status)),
        column("statement", statement_link),
        column("amount", lambda row: money(row.statement, row.amount), name="amount_amount"),
        column("counter account", lambda row: account_link(row.counter_account_id, row.counter_account.name)),
        "reason",
        "proposed_by",
        moment("proposed_at", "proposed"),
        TENANT,
    )
    list_filter = (TenantFilter, StatusFilter, RecordedBetween)
    list_select_related = ("tenant", "statement__account", "counter_account")
    search_fields = ("proposed_by",)
    search_help_text = "adj_… or how the proposer's name begins"
    operations = (APPROVE, REJECT)
    facts = (
        "whole_id",
        *list_display[1:],
        column("line", lambda row: row.number),
        column("entry", lambda row: entry_link(row.entry)),
        "decided_by",
        moment("decided_at", "decided"),
        "decision",
        column("posted", lambda row: entry_link(row.posted)),
    )
