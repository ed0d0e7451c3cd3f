"""The back office's pages of statements: those that were issued, and those of an account's months to take away."""

from datetime import datetime, timedelta
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, StreamingHttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html_join

from accounts.admin import AccountAdmin
from accounts.models import Account
from accounts.rows import look_up
from journal.exports.reading import Period
from journal.models import IssuedStatement
from journal.statements.api import streamed
from journal.statements.documents import posted_of
from journal.statements.formats import FORMS
from journal.tables import account_link, event_link
from ledger_project.kernel import clock, ids
from ledger_project.kernel.errors import Refusal
from ledger_project.log.queries import read
from ledger_project.web.backoffice import html
from ledger_project.web.backoffice.columns import TENANT, column, moment
from ledger_project.web.backoffice.html import Column, Section, Table, Text
from ledger_project.web.backoffice.list_filters import RecordedBetween, TenantFilter
from ledger_project.web.backoffice.site import ReadOnlyAdmin

MONTHS = 6  # on an account's page
PERMISSION = "journal.view_issuedstatement"


def posted(buckets: list[Any], scale: int) -> Any:
    return html.amount(posted_of([int(each) for each in buckets]), scale)


def links(account: str, month: str) -> Any:
    """A month's statement of an account in every form."""
    addresses = [
        html.link(reverse("admin:account_statement", args=(account, month, form)), form.upper()) for form in FORMS
    ]
    return format_html_join(" · ", "{}", ((address,) for address in addresses))


@admin.register(IssuedStatement)
class IssuedStatementAdmin(ReadOnlyAdmin):
    section, icon, order = "Books", "description", 50
    id_prefix, same_id = "stm", ("evt",)
    list_display = (
        "linked_id",
        column("account", lambda row: account_link(row.account_id, row.account.name)),
        column("month", lambda row: f"{row.since:%Y-%m}"),
        column("opening", lambda row: posted(row.opening, row.account.scale), name="amount_opening"),
        column("in", lambda row: html.amount(row.total_in, row.account.scale), name="amount_in"),
        column("out", lambda row: html.amount(row.total_out, row.account.scale), name="amount_out"),
        column("closing", lambda row: posted(row.closing, row.account.scale), name="amount_closing"),
        "lines",
        TENANT,
    )
    list_filter = (TenantFilter, RecordedBetween)
    list_select_related = ("tenant", "account")
    search_fields = ("account__name",)
    search_help_text = "stm_… or how an account's name begins"
    facts = (
        "whole_id",
        column("event", lambda row: event_link(row.pk)),
        column("account", lambda row: account_link(row.account_id, row.account.name)),
        TENANT,
        moment("since", "from"),
        moment("until", "up to"),
        column("currency", lambda row: row.account.currency),
        *list_display[3:8],
        column("leaves of the log", lambda row: f"{row.log_from} up to {row.log_to}"),
        column("root of the log", lambda row: html.code(bytes(row.log_root or b"").hex(), copy=True)),
        column("hash of the lines", lambda row: html.code(bytes(row.lines_hash).hex(), copy=True)),
        column("hash", lambda row: html.code(bytes(row.hash).hex(), copy=True)),
    )

    def heading(self, row: IssuedStatement) -> str:
        return f"Statement of {row.account.name}, {row.since:%Y-%m}"

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.download)
        address = "of/<str:account>/<str:period>.<slug:form>"
        return [path(address, view, name="account_statement"), *super().get_urls()]

    def download(self, request: HttpRequest, account: str, period: str, form: str) -> StreamingHttpResponse:
        """The statement of an account, issued or not, as a file or a page."""
        if not request.user.has_perm(PERMISSION):
            raise PermissionDenied
        key = ids.read("acc", account)
        row = Account.objects.filter(pk=key).first() if key else None
        if row is None or form not in FORMS:
            raise Http404
        try:
            return streamed(form, look_up(row.tenant_id, [row.pk], read)[row.pk], Period.named(period))
        except Refusal as refusal:
            raise Http404(str(refusal)) from refusal


def taken(request: HttpRequest, row: IssuedStatement) -> list[Section]:
    """The forms of a statement."""
    return [Text("Statement", links(ids.show("acc", row.account_id), f"{row.since:%Y-%m}"))]


def months(request: HttpRequest, account: Account) -> list[Section]:
    """On an account's page: the statements of the last months, this one's until now among them."""
    if not request.user.has_perm(PERMISSION):
        return []
    issued = IssuedStatement.objects.filter(account=account).order_by("-since")[:MONTHS]
    known = {link.since: link for link in issued}
    ref = ids.show("acc", account.pk)
    rows = []
    for since in _last_months(clock.now(), account.created_at):
        link = known.get(since)
        rows.append(
            [
                f"{since:%Y-%m}",
                html.public_id("stm", link.pk, href=url(link), short=True) if link else "not issued yet",
                posted(link.closing, account.scale) if link else html.NONE,
                links(ref, f"{since:%Y-%m}"),
            ]
        )
    columns = (Column("month"), Column("issued"), Column("closing", figures=True), Column("statement"))
    return [Table("Statements", columns, rows)]


def _last_months(now: datetime, opened: datetime) -> list[datetime]:
    first = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    found = [first]
    while len(found) < MONTHS and found[-1] > opened:
        found.append((found[-1] - timedelta(days=1)).replace(day=1))
    return found


def url(link: IssuedStatement) -> str:
    return html.record_url("journal.issuedstatement", "stm", link.pk)


IssuedStatementAdmin.extend(sections=[taken])
AccountAdmin.extend(sections=[months])
