"""The formats that the books leave in. Every door (API, command, back office) streams `chunks`."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from accounts.models import Tenant
from journal.exports import beancount, hledger, plain
from journal.exports.reading import Period
from journal.exports.snapshot import Snapshot, snapshot

CHUNK = 64 * 1024


@dataclass(frozen=True)
class Format:
    lines: Callable[[Snapshot, int, str, Period], Iterator[str]]
    content_type: str
    ending: str
    says: str


FORMATS = {
    "beancount": Format(beancount.lines, "text/plain; charset=utf-8", "beancount", "beancount"),
    "hledger": Format(hledger.lines, "text/plain; charset=utf-8", "journal", "hledger and ledger"),
    "csv": Format(plain.csv_lines, "text/csv; charset=utf-8", "csv", "CSV, a row for each posting"),
    "jsonl": Format(plain.json_lines, "application/x-ndjson", "jsonl", "JSON Lines, a line for each entry"),
}


def chunks(name: str, tenant: int, period: Period) -> Iterator[bytes]:
    """The books in this format as UTF-8, in pieces of about 64 KiB, as they are at this moment."""
    title = Tenant.objects.values_list("slug", flat=True).get(pk=tenant)
    waiting: list[str] = []
    size = 0
    with snapshot() as books:
        for line in FORMATS[name].lines(books, tenant, f"Books of {title}", period):
            waiting.append(line)
            size += len(line)
            if size >= CHUNK:
                yield "".join(waiting).encode()
                waiting, size = [], 0
    yield "".join(waiting).encode()
