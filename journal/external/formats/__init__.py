"""Statements of others as lines, one reader per format."""

from collections.abc import Callable
from typing import Any

from journal.external.formats import camt053, csv, json, ofx
from journal.external.statement import MAX_LINES, Mapping, Statement, malformed

Reader = Callable[[str, int, str, Mapping], Statement]
READERS: dict[str, Reader] = {"csv": csv.read, "json": json.read, "camt053": camt053.read, "ofx": ofx.read}


def read(content: str, *, format: str, scale: int, currency: str, mapping: dict[str, Any]) -> Statement:
    """The lines of a statement, in the file's order. Refuses: MalformedStatement."""
    statement = READERS[format](content, scale, currency, Mapping(**mapping))
    if not statement.lines:
        raise malformed(1, "lines", "the statement has no line")
    if len(statement.lines) > MAX_LINES:
        raise malformed(MAX_LINES + 1, "lines", f"more than {MAX_LINES} lines; split the statement")
    total = sum(line.amount for line in statement.lines)
    if None not in (statement.opening, statement.closing) and statement.opening + total != statement.closing:  # type: ignore[operator]
        raise malformed(statement.closing_at, "closing balance", "not the opening balance and the sum of the lines")
    return statement
