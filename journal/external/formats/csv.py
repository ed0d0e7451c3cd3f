"""CSV with a header; a mapping says which column is what."""

import csv
import io

from journal.external.statement import MAX_MEMBERS, Draft, Mapping, Reading, malformed
from ledger_project.kernel.repeats import first_twice


def read(content: str, mapping: Mapping, draft: Draft) -> None:
    """Refuses: MalformedStatement; the line is the file's, its header is line 1."""
    rows = csv.reader(io.StringIO(content.removeprefix("\ufeff"), newline=""), delimiter=mapping.delimiter, strict=True)
    try:
        header = _header(next(rows, []), mapping)
        for row in rows:
            if not any(cell.strip() for cell in row):
                continue
            if len(row) != len(header):
                raise malformed(rows.line_num, "line", f"{len(row)} fields where the header has {len(header)}")
            Reading(draft, mapping, rows.line_num).record(dict(zip(header, row, strict=True)))
    except csv.Error as error:
        raise malformed(rows.line_num or 1, "line", str(error)) from error


def _header(row: list[str], mapping: Mapping) -> list[str]:
    header = [name.strip() for name in row]
    if len(header) > MAX_MEMBERS:
        raise malformed(1, "line", f"more than {MAX_MEMBERS} columns")
    if twice := first_twice(filter(None, header)):
        raise malformed(1, twice, "this column is there twice")
    for name in mapping.required:
        if name not in header:
            raise malformed(1, name, "there is no such column")
    return header
