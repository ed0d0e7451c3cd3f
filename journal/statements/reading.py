"""What a statement is made of: what an account had, each posting with what was left, and what it had then.

A statement goes by the time of recording, as a bank's goes by the day of booking: an entry that is dated back stands in
the month in which it was recorded, with its date. So a period that is over never changes, and what an account had at
the end of one is what it had at the beginning of the next. All is read in the order of the versions, a batch at a
time, so a statement of a million lines needs no more memory than one of ten.
"""

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from accounts.rows import AccountFacts, Bucket
from journal import as_of, history
from journal.as_of import Cut
from journal.exports.reading import Period
from journal.exports.snapshot import Snapshot
from journal.statements.documents import foot_of, head_of, posted_of
from ledger_project.kernel import clock, ids
from ledger_project.kernel.canonical import canonical
from ledger_project.log import tree
from ledger_project.log.executor import look

FIRST = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Line:
    """One posting, in the account's normal direction: positive is more. `balance` is what its bucket has after it."""

    entry: UUID
    log_index: int | None
    content_hash: bytes
    recorded_at: datetime
    effective_at: datetime
    kind: str
    description: str
    references: dict[str, str]
    bucket: str
    amount: int
    balance: int
    posted: int

    def document(self) -> dict[str, Any]:
        return {
            "entry": ids.show("ent", self.entry),
            "log_index": self.log_index,
            "content_hash": self.content_hash.hex(),
            "recorded_at": clock.stamp(self.recorded_at),
            "effective_at": clock.stamp(self.effective_at),
            "kind": self.kind,
            "description": self.description,
            "references": self.references,
            "bucket": self.bucket,
            "amount": str(self.amount),
            "balance": str(self.balance),
            "posted": str(self.posted),
        }


@dataclass
class Statement:
    """A statement at work: `head` first, then `lines` once and to their end, then `foot`. Minor units."""

    books: Snapshot
    account: AccountFacts
    period: Period
    opening: list[int]
    first: int  # the log from here
    end: int  # up to, and not including, this leaf
    issued: dict[str, str] | None  # the event that issued it, and the hash that it had then
    buckets: list[int] = field(init=False)
    total_in: int = 0
    total_out: int = 0
    count: int = 0
    sealed: bool = True
    _lines_hash: Any = field(default_factory=sha256)

    def __post_init__(self) -> None:
        self.buckets = self.opening.copy()

    def head(self) -> dict[str, Any]:
        return head_of(self.account, self.period.since, self.period.until, self.opening)

    def lines(self) -> Iterator[Line]:
        before = after = posted_of(self.opening)
        entry = None
        for line in self._read():
            if line.entry != entry:
                self._total(before, after)
                before, entry = after, line.entry
            after = line.posted
            self._take(line)
            yield line
        self._total(before, after)

    def foot(self) -> dict[str, Any]:
        totals, log = (self.total_in, self.total_out), (self.first, self.end)
        foot = foot_of(self.head(), self.buckets, totals, self.count, self.lines_hash, log, self.root)
        return foot | {"issued": self.issued}

    @property
    def root(self) -> bytes | None:
        """Of the log up to `end`; None while nothing is sealed."""
        return tree.root(self.end, look) if self.end else None

    @property
    def lines_hash(self) -> bytes:
        digest: bytes = self._lines_hash.digest()
        return digest

    def _take(self, line: Line) -> None:
        self.count += 1
        self._lines_hash.update(canonical(line.document()) + b"\n")
        if line.log_index is None:
            self.sealed = False
            return
        # Events are sealed as they are committed, which now and then is not the order in which they were recorded.
        self.first = min(self.first, line.log_index)
        self.end = max(self.end, line.log_index + 1)

    def _total(self, before: int, after: int) -> None:
        """Count an entry that was read whole: moves between the account's own buckets go neither in nor out."""
        self.total_in += max(after - before, 0)
        self.total_out += max(before - after, 0)

    def _read(self) -> Iterator[Line]:
        since, until = self.period.since or FIRST, self.period.until
        lowest, highest = history.spans(self.account, since, until, self.books.rows)
        edges = [ids.first(since), ids.first(until) if until else as_of.LAST]
        stripes: list[Iterable[Any]] = [
            self.books.rows(_LINES, [self.account.id, stripe, low, high, *edges])
            for stripe, (low, high) in enumerate(zip(lowest, highest, strict=True))
        ]
        for row in heapq.merge(*stripes, key=lambda row: row[0]):
            entry, index, digest, recorded, effective, kind, description, references, number, amount = row
            bucket = Bucket(number)
            change = as_of.effect(self.account.sign, bucket, int(amount))
            self.buckets[bucket] += change
            facts = entry, index, bytes(digest), recorded, effective, kind, description, references
            yield Line(*facts, bucket.label, change, self.buckets[bucket], posted_of(self.buckets))


def statement(books: Snapshot, account: AccountFacts, period: Period) -> Statement:
    """The account's statement of a period."""
    opening = [0] * len(Bucket)
    if period.since is not None:
        opening, _ = as_of.buckets(account, Cut(known_at=period.since - as_of.MICROSECOND), books.rows)
    for key, first, end, digest in books.rows(_ISSUED, [account.id, period.since, period.until]):
        issued = {"id": ids.show("stm", key), "event": ids.show("evt", key), "hash": bytes(digest).hex()}
        return Statement(books, account, period, opening, first, end, issued)
    return Statement(books, account, period, opening, *_places(books, account.tenant, period), None)


def _places(books: Snapshot, tenant: int, period: Period) -> tuple[int, int]:
    """Where the tenant's events of the period begin and end in the sealed log."""
    edges = [ids.first(period.since or FIRST), ids.first(period.until) if period.until else as_of.LAST]
    (first,), (end,) = books.rows(_PLACES, [*edges, tenant, tenant])
    return first, end


_ISSUED = """
SELECT id, log_from, log_to, hash FROM journal_issuedstatement WHERE account_id = %s AND since = %s AND until = %s
"""
_LINES = """
SELECT posting.entry_id, leaf.log_index, event.content_hash, event.recorded_at, entry.effective_at, entry.kind,
       entry.description, entry."references"::json, posting.bucket, posting.amount
  FROM journal_posting AS posting
  JOIN journal_entry AS entry ON entry.id = posting.entry_id
  JOIN log_event AS event ON event.id = posting.entry_id
  LEFT JOIN log_leaf AS leaf ON leaf.event_id = posting.entry_id
 WHERE posting.account_id = %s AND posting.stripe = %s AND posting.version > %s AND posting.version < %s
   AND posting.entry_id >= %s AND posting.entry_id < %s
 ORDER BY posting.version
"""
# The place behind the tenant's last leaf before an id: a binary search, as the log follows the ids but for moments.
_PLACES = """
WITH RECURSIVE search AS (
    SELECT edge.place, edge.id, -1::bigint AS low, coalesce(newest.log_index, -1) + 1 AS high
      FROM (VALUES (1, %s::uuid), (2, %s::uuid)) AS edge (place, id)
      LEFT JOIN LATERAL (SELECT log_index FROM log_leaf WHERE tenant_id = %s
                          ORDER BY log_index DESC LIMIT 1) AS newest ON true
    UNION ALL
    SELECT place, id, CASE WHEN probe.before THEN probe.log_index ELSE low END,
           CASE WHEN probe.before THEN high ELSE half.middle END
      FROM search
     CROSS JOIN LATERAL (SELECT (low + high) / 2 AS middle) AS half
      LEFT JOIN LATERAL (
           SELECT leaf.log_index, leaf.event_id < search.id AS before FROM log_leaf AS leaf
            WHERE leaf.tenant_id = %s AND leaf.log_index >= half.middle AND leaf.log_index < high
            ORDER BY leaf.log_index LIMIT 1) AS probe ON true
     WHERE high - low > 1
)
SELECT low + 1 FROM search WHERE high - low = 1 ORDER BY place
"""
