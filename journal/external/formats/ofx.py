"""OFX, of both generations: the SGML of 1.x, whose values have no end tags, and the XML of 2.x.

Tags and the text behind them are all that either has, so they are read as such: no XML parser, and no entity but the
three that stand for markup.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from xml.sax.saxutils import unescape

from journal.external.statement import (
    DESCRIPTION,
    REFERENCE,
    Draft,
    Mapping,
    Reading,
    malformed,
)

_TAG = re.compile(r"<(/?)([A-Za-z0-9._]+)>([^<]*)")
_DECLARATION = re.compile(r"<!\s*(DOCTYPE|ENTITY)", re.IGNORECASE)
_DAY = re.compile(r"([0-9]{8})([0-9]{6}(\.[0-9]+)?)?(\[[^\]]*\])?")
STATEMENTS = frozenset({"STMTRS", "CCSTMTRS"})


def read(content: str, mapping: Mapping, draft: Draft) -> None:
    """Refuses: MalformedStatement."""
    if found := _DECLARATION.search(content):
        raise malformed(content.count("\n", 0, found.start()) + 1, "DOCTYPE", "has no place in a statement")
    exact = Mapping(inverted=mapping.inverted)
    open_line, seen = 0, 0
    record: dict[str, str] | None = None
    for line, closing, name, text in _tags(content):
        if closing and name != "STMTTRN":
            continue
        if name in STATEMENTS:
            seen += 1
            if seen > 1:
                raise malformed(line, name, "a second statement; upload one account's at a time")
        elif name == "CURDEF":
            Reading(draft, exact, line).currency(text, name)
        elif name == "STMTTRN" and not closing:
            if record is not None:
                raise malformed(open_line, name, "does not end")
            open_line, record = line, {}
        elif name == "STMTTRN":
            if record is None:
                raise malformed(line, name, "ends and never began")
            _add(record, Reading(draft, exact, open_line))
            record = None
        elif record is not None and text:
            record.setdefault(name, text)
    if not seen:
        raise malformed(1, "STMTRS", "there is no statement in this file")
    if record is not None:
        raise malformed(open_line, "STMTTRN", "does not end")


def _tags(content: str) -> Iterator[tuple[int, bool, str, str]]:
    """Every tag with its line, whether it ends something, its name, and the text behind it."""
    ends = [found.start() for found in re.finditer("\n", content)]
    for found in _TAG.finditer(content):
        line = bisect_right(ends, found.start()) + 1
        yield line, bool(found[1]), found[2].upper(), unescape(found[3].strip())


def _add(record: dict[str, str], reading: Reading) -> None:
    for name in ("DTPOSTED", "TRNAMT"):
        if name not in record:
            raise malformed(reading.line, name, "missing")
    amount = record["TRNAMT"]
    day = _DAY.fullmatch(record["DTPOSTED"])
    reference = next((record[name] for name in ("REFNUM", "CHECKNUM", "FITID") if name in record), "")
    told = " ".join(record[name] for name in ("NAME", "MEMO") if name in record)
    reading.add(
        reading.day(day[1] if day else record["DTPOSTED"], "DTPOSTED"),
        # The standard allows a decimal comma as well.
        reading.amount(amount.replace(",", ".") if "." not in amount else amount, "TRNAMT"),
        reading.text(reference, "FITID", REFERENCE),
        reading.text(told[:DESCRIPTION], "MEMO", DESCRIPTION),
    )
