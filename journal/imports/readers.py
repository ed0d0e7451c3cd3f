"""JSON Lines and CSV as `export_books` writes them, and as anybody may: entries, or commands of the ledger."""

import csv
import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from journal.exports.plain import ENTRY_COLUMNS, POSTING_COLUMNS
from journal.imports import located
from journal.imports.located import Unreadable
from journal.imports.records import Item, Party, Problem, Record

ABOUT = ("kind", "effective_at", "description", "references", "metadata")  # which post_entry has, too
OF_PARTY = ("type", "currency", "scale", "unbounded")
LEG = {"account", "bucket", "amount", *OF_PARTY}
REQUIRED = ("entry", "account", "amount")


class Malformed(ValueError):
    """A line that is no record."""


def read_json_lines(path: Path) -> Iterator[Item]:
    """A line is an entry with its postings, or `{"command", "idempotency_key", "args"}` as `POST /v1/bulk` takes it."""
    seen: Counter[str] = Counter()
    with path.open("rb") as file:
        for number, raw in enumerate(file, 1):
            if not raw.strip():
                continue
            try:
                yield _of_document(located.loads(raw.decode("utf-8")), number, raw, seen)
            except (Malformed, Unreadable, UnicodeDecodeError) as error:
                yield Problem(number, str(error))


def _of_document(document: Any, line: int, raw: bytes, seen: Counter[str]) -> Record:
    if not isinstance(document, dict):
        raise Malformed("not an object")
    if "command" in document:
        return _of_command(document, line)
    unknown = document.keys() - {*ENTRY_COLUMNS, "postings"}
    postings = document.get("postings")
    if unknown or not isinstance(postings, list):
        raise Malformed(f"unknown: {', '.join(sorted(unknown))}" if unknown else "no list of postings")
    given = document.get("entry")
    if given is not None and not (isinstance(given, str) and given):
        raise Malformed("entry: not a string")
    return _record(line, given or _named_by_itself(raw, seen), document, postings)


def _of_command(document: dict[str, Any], line: int) -> Record:
    command, key, arguments = (document.get(name) for name in ("command", "idempotency_key", "args"))
    if document.keys() - {"command", "idempotency_key", "args"}:
        raise Malformed("a command has command, idempotency_key and args")
    if not isinstance(command, str) or not isinstance(key, str) or not isinstance(arguments, dict):
        raise Malformed("a command is a word, its idempotency_key a string, its args an object")
    return Record(line, key, command, arguments, whole_key=True)


def _named_by_itself(raw: bytes, seen: Counter[str]) -> str:
    """A key for what has no id: the line's hash, and how often the same line came before."""
    digest = hashlib.sha256(raw.strip()).hexdigest()
    seen[digest] += 1
    return f"sha256:{digest}:{seen[digest]}"


def _record(line: int, key: str, about: dict[str, Any], postings: list[Any]) -> Record:
    """The entry as a call of post_entry."""
    legs, parties = [], []
    for place, posting in enumerate(postings):
        if not isinstance(posting, dict) or posting.keys() - LEG or not isinstance(posting.get("account"), str):
            raise Malformed(f"postings[{place}]: not an object of {', '.join(sorted(LEG))}")
        legs.append({name: posting[name] for name in ("account", "bucket", "amount") if posting.get(name) is not None})
        parties.append(_party(posting, place))
    arguments = {name: about[name] for name in ABOUT if about.get(name) not in (None, "", {})}
    if about.get("reverses"):
        arguments["references"] = {**arguments.get("references", {}), "reverses": about["reverses"]}
    return Record(line, key, "post_entry", {"postings": legs, **arguments}, tuple(parties))


def _party(posting: dict[str, Any], place: int) -> Party:
    given = {name: posting.get(name) for name in OF_PARTY}
    forms = {"type": str, "currency": str, "scale": int, "unbounded": bool}
    for name, value in given.items():
        if value is not None and type(value) is not forms[name]:
            raise Malformed(f"postings[{place}].{name}: not {forms[name].__name__}")
    return Party(posting["account"], **given)  # type: ignore[arg-type]


def read_csv(path: Path) -> Iterator[Item]:
    """Rows of one entry stand together and have the same `entry`; what is said of the entry stands in each of them."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.reader(file, strict=True)
        try:
            header = next(reader, [])
            known = {*ENTRY_COLUMNS, *POSTING_COLUMNS}
            lacking = [name for name in REQUIRED if name not in header]
            if lacking or set(header) - known or len(set(header)) != len(header):
                yield Problem(
                    1, f"the columns are {', '.join(REQUIRED)}, and of {', '.join(sorted(known))} what you have"
                )
                return
            for _, rows in groupby(_rows(reader, header), key=lambda row: row.cells.get("entry")):
                yield _of_rows(list(rows))
        except (csv.Error, UnicodeDecodeError) as error:
            yield Problem(reader.line_num, str(error))


@dataclass(frozen=True)
class Row:
    """A row's cells that are not empty; `whole` says that it has as many cells as the header."""

    line: int
    cells: dict[str, str]
    whole: bool

    def about(self) -> dict[str, Any]:
        """What it says of its entry."""
        return {name: self.cells.get(name) for name in ENTRY_COLUMNS}


def _rows(reader: Any, header: list[str]) -> Iterator[Row]:
    for cells in reader:
        if cells:
            given = {name: cell for name, cell in zip(header, cells, strict=False) if cell}
            yield Row(reader.line_num, given, len(cells) == len(header))


def _of_rows(rows: list[Row]) -> Item:
    first = rows[0]
    postings = []
    for row in rows:
        if not row.whole or any(name not in row.cells for name in REQUIRED):
            return Problem(row.line, f"lacks one of {', '.join(REQUIRED)}, or has too few or too many cells")
        if row.about() != first.about():
            return Problem(row.line, "says something else of its entry than the row before")
        try:
            postings.append(_posting(row.cells))
        except Malformed as error:
            return Problem(row.line, str(error))
    about = first.about()
    try:
        told = {name: _object(name, text) for name in ("references", "metadata") if (text := about[name])}
        return _record(first.line, first.cells["entry"], {**about, **told}, postings)
    except Malformed as error:
        return Problem(first.line, str(error))


def _posting(row: dict[str, str]) -> dict[str, Any]:
    posting: dict[str, Any] = {name: row[name] for name in POSTING_COLUMNS if name in row and name in LEG}
    if "scale" in posting:
        if not (posting["scale"].isascii() and posting["scale"].isdigit()):
            raise Malformed("scale: not a number")
        posting["scale"] = int(posting["scale"])
    if "unbounded" in posting:
        if posting["unbounded"] not in ("true", "false"):
            raise Malformed("unbounded: not true or false")
        posting["unbounded"] = posting["unbounded"] == "true"
    return posting


def _object(name: str, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise Malformed(f"{name}: not JSON") from None
