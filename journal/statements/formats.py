"""A statement as JSON, CSV, PDF, or a page to print. All but the PDF are streamed.

JSON and CSV are for programs: minor units. What people read is in units of the currency, its decimals aligned.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.template.loader import render_to_string
from django.utils.html import format_html, format_html_join

from accounts.rows import BUCKETS, AccountFacts
from journal.errors import StatementTooLong
from journal.exports.reading import Period
from journal.exports.snapshot import snapshot
from journal.statements.reading import Line, Statement, statement
from ledger_project.kernel import money
from ledger_project.web.backoffice.html import grouped
from ledger_project.web.spreadsheets import Rows, inert
from ledger_project.web.typesetting import typeset

CHUNK = 64 * 1024
PRINTED = 5000  # lines of a PDF
COLUMNS = ("recorded_at", "effective_at", "entry", "log_index", "kind", "description", "bucket", "amount", "balance")
HEADER = (*COLUMNS, "posted", "value")


def json_pieces(made: Statement) -> Iterator[str]:
    yield json.dumps(made.head(), ensure_ascii=False)[:-1] + ', "lines": ['
    for number, line in enumerate(made.lines()):
        yield ("," if number else "") + "\n" + json.dumps(line.document(), ensure_ascii=False)
    yield "\n], " + json.dumps(made.foot(), ensure_ascii=False)[1:] + "\n"


def csv_pieces(made: Statement) -> Iterator[str]:
    """A row for each line between one for the opening and one for the closing balance of every bucket in use."""
    rows = Rows()
    period = made.head()["period"]

    def row(*cells: Any) -> str:
        return rows.line("" if cell is None else inert(str(cell)) for cell in cells)

    def stand(word: str, moment: str | None, balances: dict[str, str]) -> Iterator[str]:
        posted = balances["posted"]
        for bucket in BUCKETS:
            if bucket == "available" or balances[bucket] != "0":
                value = money.to_decimal(int(balances[bucket]), made.account.scale)
                yield row(moment, moment, None, None, word, None, bucket, None, balances[bucket], posted, value)

    yield row(*HEADER)
    yield from stand("opening", period["from"], made.head()["opening"])
    for each in made.lines():
        told = each.document()
        value = money.to_decimal(each.amount, made.account.scale)
        yield row(*(told[name] for name in COLUMNS), told["posted"], value)
    yield from stand("closing", period["to"], made.foot()["closing"])


def html_pieces(made: Statement) -> Iterator[str]:
    """A page to print: a table with its sums at the end, because they are known only then."""
    yield render_to_string("statement_head.html", _for_people(made))
    for line in made.lines():
        yield format_html("<tr>{}</tr>\n", format_html_join("", '<td class="{}">{}</td>', _cells(line, made)))
    foot = made.foot()
    facts = {"closing": _amounts(foot["closing"], made), "foot": foot, **_sums(made)}
    yield render_to_string("statement_foot.html", facts)


def pdf_pieces(made: Statement) -> Iterator[bytes]:
    """The PDF in one piece. Refuses: StatementTooLong."""
    lines: list[list[str]] = []
    for line in made.lines():
        if len(lines) == PRINTED:
            raise StatementTooLong(lines=PRINTED)
        lines.append([text for _, text in _cells(line, made)])
    foot = made.foot()
    data = _for_people(made) | _sums(made) | {"lines": lines, "closing": _amounts(foot["closing"], made), "foot": foot}
    yield typeset(Path(__file__).with_name("statement.typ"), data)


def _for_people(made: Statement) -> dict[str, Any]:
    head = made.head()
    period = {name: moment and _minute(moment) for name, moment in head["period"].items()}
    return {**head, "period": period, "opening": _amounts(head["opening"], made)}


def _amounts(balances: dict[str, str], made: Statement) -> list[list[str]]:
    """Buckets in use and their sum, each with its amount."""
    used = {name for name, amount in balances.items() if amount != "0"} | {"available", "posted"}
    shown = [(name, int(amount)) for name, amount in balances.items() if name in used]
    return [[name.replace("_", " "), grouped(amount, made.account.scale)] for name, amount in shown]


def _sums(made: Statement) -> dict[str, str]:
    return {name: grouped(getattr(made, name), made.account.scale) for name in ("total_in", "total_out")}


def _cells(line: Line, made: Statement) -> list[tuple[str, str]]:
    """A line as people read it: the class of each cell, and what it says."""
    told, scale = line.document(), made.account.scale
    dated = "" if line.effective_at == line.recorded_at else _minute(told["effective_at"])
    references = [f"{name} {value}" for name, value in line.references.items()]
    amounts = [grouped(amount, scale) for amount in (line.amount, line.balance, line.posted)]
    return [
        ("time", _minute(told["recorded_at"])),
        ("time", dated),
        ("what", ", ".join(part for part in (line.kind.replace("_", " "), line.description, *references) if part)),
        ("id", told["entry"]),
        ("bucket", line.bucket.replace("_", " ")),
        *(("figure", amount) for amount in amounts),
    ]


def _minute(stamp: str) -> str:
    return f"{stamp[:10]} {stamp[11:16]}"


@dataclass(frozen=True)
class Form:
    pieces: Callable[[Statement], Iterable[str | bytes]]
    content_type: str
    says: str


FORMS = {
    "json": Form(json_pieces, "application/json", "JSON"),
    "csv": Form(csv_pieces, "text/csv; charset=utf-8", "CSV"),
    "pdf": Form(pdf_pieces, "application/pdf", "PDF"),
    "html": Form(html_pieces, "text/html; charset=utf-8", "a page to print"),
}


def chunks(name: str, account: AccountFacts, period: Period) -> Iterator[bytes]:
    """The statement in this form, in pieces of about 64 KiB. Refuses, before the first: StatementTooLong."""
    waiting: list[bytes] = []
    size = 0
    with snapshot() as books:
        for piece in FORMS[name].pieces(statement(books, account, period)):
            waiting.append(piece.encode() if isinstance(piece, str) else piece)
            size += len(waiting[-1])
            if size >= CHUNK:
                yield b"".join(waiting)
                waiting, size = [], 0
    yield b"".join(waiting)
