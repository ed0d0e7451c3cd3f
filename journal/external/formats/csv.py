"""CSV with a header; a mapping says which column is what."""

import csv
import io

from journal.external.statement import Mapping, Reading, Statement, malformed


def read(content: str, scale: int, currency: str, mapping: Mapping) -> Statement:
    """Refuses: MalformedStatement; the line is the file's, its header is line 1."""
    rows = csv.reader(io.StringIO(content.removeprefix("\ufeff"), newline=""), delimiter=mapping.delimiter, strict=True)
    statement = Statement()
    try:
        header = _header(next(rows, []), mapping)
        for row in rows:
            if not any(cell.strip() for cell in row):
                continue
            if len(row) != len(header):
                raise malformed(rows.line_num, "line", f"{len(row)} fields where the header has {len(header)}")
            reading = Reading(scale, mapping, rows.line_num)
            record = dict(zip(header, row, strict=True))
            statement.lines.append(reading.record(len(statement.lines) + 1, record))
    except csv.Error as error:
        raise malformed(rows.line_num or 1, "line", str(error)) from error
    return statement


def _header(row: list[str], mapping: Mapping) -> list[str]:
    header = [name.strip() for name in row]
    for name in header:
        if name and header.count(name) > 1:
            raise malformed(1, name, "this column is there twice")
    for name in mapping.required:
        if name not in header:
            raise malformed(1, name, "there is no such column")
    return header
