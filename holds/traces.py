"""Usage traces as they come: CSV or JSON Lines, packed with gzip or not, in whatever columns.

Each line is one request. A field never goes over several lines: one stray quote spoils its own row, and not the
thousands after it. What cannot be a request is a bad row, told with its line. A row's identity is made of itself, and
of the `source` that it came from, where one is named: two regions may have the same row.
"""

import csv
import gzip
import hashlib
import json
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ledger_project.kernel import clock

NAMED = {"time": "TIMESTAMP", "input": "ContextTokens", "output": "GeneratedTokens"}  # as in the Azure traces
MAY_BE_NAMED = ("model", "user")
TOKEN_LIMIT = 10**12  # of one request; beyond it a row is garbage, not usage
EARLIEST, AHEAD = datetime(1970, 1, 1, tzinfo=UTC), timedelta(days=1)
GZIP = b"\x1f\x8b"


@dataclass(frozen=True)
class Usage:
    """One request of the trace."""

    line: int
    job_id: str
    at: datetime
    context: int
    generated: int
    model: str = ""
    user: str = ""


@dataclass(frozen=True)
class BadRow:
    """A row that is no usage, and why."""

    line: int
    reason: str


Row = Usage | BadRow


def open_trace(path: Path, columns: Mapping[str, str] | None = None, *, source: str = "") -> Iterator[Row]:
    """The rows of a trace whose columns are those of Azure's traces, or what `columns` calls them.

    Raises ValueError at once for a file that has not got them, and while reading for one that is cut.
    """
    named = {**NAMED, **(columns or {})}
    unknown = named.keys() - NAMED.keys() - set(MAY_BE_NAMED)
    if unknown:
        raise ValueError(f"no column is called for {', '.join(sorted(unknown))}")
    lines = _lines(path)
    if _is_json(path):
        records = _json_records(lines, named)
    else:
        first = next(lines, (0, ""))[1]
        header = [name.strip() for name in _fields(first) or ()]
        missing = [name for name in named.values() if name not in header]
        if missing:
            raise ValueError(f"{path.name} has no column {', '.join(missing)}")
        records = _csv_records(lines, named, header)
    return _rows(records, named, source)


def _is_json(path: Path) -> bool:
    return path.name.removesuffix(".gz").endswith((".jsonl", ".ndjson", ".json"))


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    with path.open("rb") as raw:
        packed = raw.read(2) == GZIP
    opened = gzip.open if packed else open
    with opened(path, "rt", encoding="utf-8-sig", errors="replace") as lines:
        try:
            yield from enumerate(lines, 1)
        except (EOFError, gzip.BadGzipFile, zlib.error) as broken:
            raise ValueError(f"{path.name} is cut or broken: {broken}") from broken


def _fields(line: str) -> list[str] | None:
    """The fields of one line, or None where it is no row of a table."""
    try:
        return next(csv.reader([line.rstrip("\n")], strict=True), [])
    except csv.Error:
        return None


Record = tuple[int, list[str] | str]  # a line, and its values in the order of the columns, or why it is no row


def _csv_records(lines: Iterable[tuple[int, str]], named: Mapping[str, str], header: list[str]) -> Iterator[Record]:
    positions = [header.index(name) for name in named.values()]
    for number, line in lines:
        record = _fields(line)
        if record is None:
            yield number, "is no row: a quote is not where it may be"
        elif record and len(record) != len(header):
            yield number, f"has {len(record)} columns, not {len(header)}"
        elif record:
            yield number, [record[position].strip() for position in positions]


def _json_records(lines: Iterable[tuple[int, str]], named: Mapping[str, str]) -> Iterator[Record]:
    for number, line in lines:
        if not line.strip():
            continue
        try:
            record: Any = json.loads(line, parse_float=str)
        except (ValueError, RecursionError):
            yield number, "is not JSON"
            continue
        missing = [name for name in named.values() if not isinstance(record, dict) or record.get(name) is None]
        if missing:
            yield number, f"has no {', '.join(missing)}"
        else:
            yield number, [str(record[name]).strip() for name in named.values()]


def _rows(records: Iterable[Record], named: Mapping[str, str], source: str) -> Iterator[Row]:
    seen: Counter[tuple[str, ...]] = Counter()
    for number, values in records:
        if isinstance(values, str):
            yield BadRow(number, values)
            continue
        seen[tuple(values)] += 1
        yield _usage(number, dict(zip(named, values, strict=True)), seen[tuple(values)], named, source)


def _usage(line: int, told: dict[str, str], occurrence: int, named: Mapping[str, str], source: str) -> Row:
    try:
        at = datetime.fromisoformat(told["time"])
    except ValueError:
        return BadRow(line, f"{named['time']} {told['time'][:40]!r} is not a time")
    at = at.replace(tzinfo=at.tzinfo or UTC)  # traces write UTC without saying so
    if not EARLIEST <= at <= clock.now() + AHEAD:
        return BadRow(line, f"{named['time']} {told['time'][:40]!r} cannot be")
    for name in ("input", "output"):
        text = told[name]
        if not (text.isascii() and text.isdigit() and len(text) <= 13 and int(text) <= TOKEN_LIMIT):
            return BadRow(line, f"{named[name]} {text[:40]!r} is not a number of tokens")
    for name in MAY_BE_NAMED:
        if name in told and not told[name]:
            return BadRow(line, f"{named[name]} is empty")
    identity = "|".join((*([source] if source else []), *told.values(), str(occurrence)))
    job_id = f"usage-{hashlib.sha256(identity.encode()).hexdigest()[:24]}"
    context, generated = int(told["input"]), int(told["output"])
    return Usage(line, job_id, at, context, generated, told.get("model", ""), told.get("user", ""))
