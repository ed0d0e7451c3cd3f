"""A statement with what became of each line, and what the other side does not know of, for a spreadsheet."""

import csv
import io
from typing import Any

from django.http import HttpResponse

from journal.external import queries
from journal.external.models import ExternalStatement
from ledger_project.kernel import money
from ledger_project.web.spreadsheets import inert

HEADER = ("side", "place", "date", "amount", "currency", "reference", "description", "state", "match")


def as_csv(row: ExternalStatement) -> str:
    """The lines by number, then the account's entries that have no line; amounts as decimals of the currency.

    What a spreadsheet would take for a formula has an apostrophe before it, and a number stays one.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(HEADER)
    scale, currency = row.account.scale, row.account.currency
    for line in queries.lines(row).order_by("number").iterator():
        told = queries.line_document(line)
        place, match = told["line"], told["external_match"] or ""
        writer.writerow(_cells("statement", place, told, scale, currency, told["reference"], told["state"], match))
    for told in queries.everything_open(row):
        named = " ".join(f"{name}={value}" for name, value in told["references"].items())
        writer.writerow(_cells("books", told["entry"], told, scale, currency, named, queries.OPEN, ""))
    return text.getvalue()


def _cells(
    side: str, place: Any, told: dict[str, Any], scale: int, currency: str, reference: str, state: str, match: str
) -> list[Any]:
    amount = money.to_decimal(int(told["amount"]), scale)
    return [side, place, told["date"], amount, currency, inert(reference), inert(told["description"]), state, match]


def download(row: ExternalStatement) -> HttpResponse:
    """The report as a file."""
    reply = HttpResponse(as_csv(row), content_type="text/csv; charset=utf-8")
    reply.headers["Cache-Control"] = "no-store"
    reply.headers["Content-Disposition"] = f'attachment; filename="{row}.csv"'
    return reply
