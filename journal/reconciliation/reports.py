"""A reconciliation as a report: JSON, CSV for spreadsheets, PDF for the file."""

import csv
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from django.http import HttpResponse

from journal.models import Finding, ReconciliationRun
from journal.reconciliation.rows import ReconciliationStore
from journal.reconciliation.running import checks
from ledger_project.kernel import clock
from ledger_project.web.spreadsheets import inert
from ledger_project.web.typesetting import typeset

PRINTED = 500  # findings in a PDF; the CSV has all that are listed
HEADER = ("reconciliation", "finished_at", "check", "found", "subject", "stored", "replayed", "account")


def document(run: ReconciliationRun) -> dict[str, Any]:
    """The run as the log and the API show it."""
    return ReconciliationStore.columns.of(run).document()


def report(run: ReconciliationRun) -> dict[str, Any]:
    """The run with what each check says, and what it found."""
    says = {check.name: check.says for check in checks()}
    told = document(run)
    told["checks"] = [{**check, "says": says.get(check["name"], "")} for check in told["checks"]]
    return told | {"findings": [finding_document(finding) for finding in findings(run)]}


def findings(run: ReconciliationRun) -> Iterator[Finding]:
    return run.findings.order_by("seq").iterator()


def finding_document(finding: Finding) -> dict[str, Any]:
    return {
        "check": finding.check_name,
        "subject": finding.subject,
        "stored": finding.stored,
        "replayed": finding.replayed,
        "account": finding.account,
    }


def as_csv(run: ReconciliationRun) -> str:
    """One line for each finding, and one for each check that found none."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(HEADER)
    finished = clock.stamp(run.finished_at) if run.finished_at else ""
    by_check: dict[str, list[Finding]] = {}
    for finding in findings(run):
        by_check.setdefault(finding.check_name, []).append(finding)
    for check in run.checks:
        for finding in by_check.get(check["name"], [Finding(subject="", stored="", replayed="")]):
            cells = finding.subject, finding.stored, finding.replayed, finding.account or ""
            writer.writerow([str(run), finished, check["name"], check["found"], *map(inert, cells)])
    return text.getvalue()


def as_pdf(run: ReconciliationRun) -> bytes:
    told = report(run)
    shown = told["findings"][:PRINTED]
    data = told | {"tenant": run.tenant.name, "findings": shown, "left_out": (run.mismatches or 0) - len(shown)}
    return typeset(Path(__file__).with_name("report.typ"), data)


FORMS: dict[str, tuple[str, Callable[[ReconciliationRun], str | bytes]]] = {
    "json": ("application/json", lambda run: json.dumps(report(run), ensure_ascii=False)),
    "csv": ("text/csv; charset=utf-8", as_csv),
    "pdf": ("application/pdf", as_pdf),
}


def download(run: ReconciliationRun, form: str) -> HttpResponse:
    """The report as a file, in one of FORMS."""
    content_type, make = FORMS[form]
    reply = HttpResponse(make(run), content_type=content_type)
    reply.headers["Cache-Control"] = "no-store"
    reply.headers["Content-Disposition"] = f'attachment; filename="{run}.{form}"'
    return reply
