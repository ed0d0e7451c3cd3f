"""The audit archives on a tenant's page of the back office."""

from collections.abc import Iterator
from datetime import date
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse

from accounts.admin import TenantAdmin
from accounts.models import Tenant
from journal.audit.api import download
from ledger_project.kernel import clock
from ledger_project.kernel.errors import Refusal
from ledger_project.web.backoffice import html
from ledger_project.web.backoffice.html import Section, Text

MONTHS = 6
PERMISSIONS = ("journal.view_entry", "log.view_event", "accounts.view_account")  # what it shows all of


def urls() -> list[URLPattern]:
    view = admin.site.admin_view(give)
    return [path("audit/<int:tenant>/<slug:period>.zip", view, name="audit_archive")]


def give(request: HttpRequest, tenant: int, period: str) -> FileResponse | HttpResponse:
    """The archive as a file; who is refused it reads why on the tenant's page."""
    if not request.user.has_perms(PERMISSIONS):
        raise PermissionDenied
    owner = get_object_or_404(Tenant, pk=tenant)
    try:
        return download(owner, period)
    except Refusal as refusal:
        messages.error(request, str(refusal))
        return HttpResponseRedirect(reverse("admin:accounts_tenant_change", args=(tenant,)))


def archives(request: HttpRequest, tenant: Tenant) -> list[Section]:
    """A button for each of the last months and both last years."""
    if not request.user.has_perms(PERMISSIONS):
        return []
    today = clock.now().date()
    links = [_link(tenant, period, so_far=index == 0) for index, period in enumerate(_months(today))]
    years = [_link(tenant, str(today.year - back), so_far=back == 0) for back in range(2)]
    return [Text("Audit archive: a period's books, to be checked offline", html.lines([*links, *years]))]


def _months(today: date) -> Iterator[str]:
    """The newest first: 2026-11, 2026-10 …"""
    for back in range(MONTHS):
        year, month = divmod(today.year * 12 + today.month - 1 - back, 12)
        yield f"{year}-{month + 1:02}"


def _link(tenant: Tenant, period: str, *, so_far: bool) -> Any:
    label = f"Audit archive of {period}" + (", so far" if so_far else "")
    return html.link(reverse("admin:audit_archive", args=(tenant.pk, period)), label)


TenantAdmin.extend(sections=[archives])
