"""The entries as CSV, a row a posting, and as JSON Lines, a line an entry: what `import_journal` reads, too."""

import json
from collections.abc import Iterator
from typing import Any

from journal.exports import reading
from journal.exports.reading import Entry, Leg, Period
from journal.exports.snapshot import Snapshot
from ledger_project.kernel import clock, money
from ledger_project.web.spreadsheets import Rows

# Those of the entry, which every posting of it repeats, and those of the posting.
ENTRY_COLUMNS = ("entry", "kind", "effective_at", "description", "references", "metadata", "reverses")
POSTING_COLUMNS = ("account", "type", "currency", "scale", "unbounded", "bucket", "amount", "value")


def csv_lines(books: Snapshot, tenant: int, title: str, period: Period) -> Iterator[str]:
    rows = Rows("\n")
    yield rows.line([*ENTRY_COLUMNS, *POSTING_COLUMNS])
    for entry in reading.entries(books, tenant, period):
        about = [_cell(value) for value in _about(entry).values()]
        for leg in entry.legs:
            yield rows.line(about + [_cell(value) for value in (*_posting(leg).values(), _value(leg))])


def json_lines(books: Snapshot, tenant: int, title: str, period: Period) -> Iterator[str]:
    for entry in reading.entries(books, tenant, period):
        document = {**_about(entry), "postings": [_posting(leg) for leg in entry.legs]}
        yield json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n"


def _about(entry: Entry) -> dict[str, Any]:
    stamp = clock.stamp(entry.effective_at)
    values = (entry.public_id, entry.kind, stamp, entry.description, entry.references, entry.metadata)
    return dict(zip(ENTRY_COLUMNS, (*values, entry.reverses_id), strict=True))


def _posting(leg: Leg) -> dict[str, Any]:
    holder = leg.holder
    return {
        "account": holder.name,
        "type": holder.type,
        "currency": holder.currency,
        "scale": holder.scale,
        "unbounded": holder.unbounded,
        "bucket": leg.bucket.label,
        "amount": str(leg.amount),
    }


def _value(leg: Leg) -> str:
    """The amount in units of the currency, for people."""
    return money.to_decimal(leg.amount, leg.holder.scale)


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False) if value else ""
    return "" if value is None else str(value)
