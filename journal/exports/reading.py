"""What an export is made of: entries with their legs, and accounts with what they have, for a period.

A period is one of effective time: what the caller said an entry was about, which is what the tools that read an export
sort and sum by.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any
from uuid import UUID

from accounts.rows import DEBIT_NORMAL, Bucket
from journal.exports.snapshot import Snapshot
from ledger_project.kernel import ids
from ledger_project.kernel.errors import InvalidRequest

_PERIOD = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?", re.ASCII)


@dataclass(frozen=True)
class Period:
    """Effective times from `since` on and before `until`; None is the beginning and the end of the books."""

    since: datetime | None = None
    until: datetime | None = None

    @classmethod
    def asked(cls, *, period: str | None, since: datetime | None, until: datetime | None) -> "Period":
        """A named period, or one from a time to another. Refuses: InvalidRequest."""
        if period is None:
            if since and until and since >= until:
                raise InvalidRequest(field="to", reason="not after from")
            return cls(since, until)
        if since or until:
            raise InvalidRequest(field="period", reason="given beside from or to")
        return cls.named(period)

    @classmethod
    def named(cls, text: str) -> "Period":
        """A year, a month or a day, of UTC: 2026, 2026-10, 2026-10-31. Refuses: InvalidRequest."""
        shape = _PERIOD.fullmatch(text)
        try:
            if shape is None:
                raise ValueError("another form")
            # What is not said is the first; a zero that is said is no month and no day.
            year, month, day = map(int, shape.groups("1"))
            if year < 1970:
                raise ValueError("before all entries")
            since = datetime(year, month, day, tzinfo=UTC)
            if shape[3]:
                return cls(since, since + timedelta(days=1))
            after = (year, month + 1) if shape[2] and month < 12 else (year + 1, 1)
            return cls(since, datetime(*after, 1, tzinfo=UTC))
        except (ValueError, OverflowError):
            raise InvalidRequest(field="period", reason="not a year, a month or a day: 2026-10") from None

    def parameters(self, tenant: int) -> dict[str, Any]:
        return {"tenant": tenant, "since": self.since, "until": self.until}


@dataclass(frozen=True, slots=True)
class Holder:
    """An account as a leg or a list names it; `sign` is +1 where a debit increases it."""

    name: str
    type: str
    currency: str
    scale: int
    unbounded: bool

    @property
    def sign(self) -> int:
        return 1 if self.type in DEBIT_NORMAL else -1


@dataclass(frozen=True, slots=True)
class Leg:
    """One posting: positive is a debit."""

    holder: Holder
    bucket: Bucket
    amount: int


@dataclass(frozen=True, slots=True)
class Entry:
    id: UUID
    kind: str
    effective_at: datetime
    description: str
    references: dict[str, str]
    metadata: dict[str, Any]
    reverses: UUID | None
    legs: list[Leg]

    @property
    def public_id(self) -> str:
        return ids.show("ent", self.id)

    @property
    def reverses_id(self) -> str | None:
        return ids.show("ent", self.reverses) if self.reverses else None


def entries(books: Snapshot, tenant: int, period: Period) -> Iterator[Entry]:
    """The entries of a period by effective time, those of one time as they were recorded."""
    for _, rows in groupby(books.rows(_ENTRIES, period.parameters(tenant)), key=lambda row: row[0]):
        legs = []
        facts: Any = ()
        for row in rows:
            facts, (name, type_, currency, scale, unbounded, bucket, amount) = row[:7], row[7:]
            legs.append(Leg(Holder(name, type_, currency, scale, unbounded), Bucket(bucket), int(amount)))
        key, kind, effective_at, description, references, metadata, reverses = facts
        yield Entry(key, kind, effective_at, description, references, metadata, reverses, legs)


_SINCE = "coalesce(%(since)s::timestamptz, '-infinity')"
_UNTIL = "coalesce(%(until)s::timestamptz, 'infinity')"
_ENTRIES = f"""
SELECT entry.id, entry.kind, entry.effective_at, entry.description, entry."references"::json, entry.metadata::json,
       entry.reverses_id, account.name, account.type, account.currency, account.scale, account.unbounded,
       posting.bucket, posting.amount
  FROM journal_entry AS entry
  JOIN journal_posting AS posting ON posting.entry_id = entry.id
  JOIN accounts_account AS account ON account.id = posting.account_id
 WHERE entry.tenant_id = %(tenant)s AND entry.effective_at >= {_SINCE} AND entry.effective_at < {_UNTIL}
 ORDER BY entry.effective_at, entry.id, posting.seq
"""


@dataclass(frozen=True, slots=True)
class Account:
    """An account with its sums of postings before the period and up to its end, by bucket; positive is debit.

    `closing` of the books' own end is what the ledger has stored, so a tool that adds up the postings checks it.
    """

    holder: Holder
    opened_at: datetime
    opening: dict[Bucket, int] = field(default_factory=dict)
    closing: dict[Bucket, int] = field(default_factory=dict)


def accounts(books: Snapshot, tenant: int, period: Period) -> Iterator[Account]:
    """Every account by name, with the buckets that ever had anything."""
    rows = books.rows(_ACCOUNTS, period.parameters(tenant))
    for _, group in groupby(rows, key=lambda row: row[0]):
        account: Account | None = None
        for name, type_, currency, scale, unbounded, opened_at, number, before, upto, stored in group:
            account = account or Account(Holder(name, type_, currency, scale, unbounded), opened_at)
            bucket = Bucket(number)
            sign = -account.holder.sign if bucket is Bucket.CREDIT_USED else account.holder.sign
            if upto is not None or stored:
                account.opening[bucket] = int(before or 0)
                account.closing[bucket] = int(upto or 0) if period.until else sign * int(stored)
        if account is not None:
            yield account


_ACCOUNTS = f"""
WITH moved AS MATERIALIZED (
    SELECT posting.account_id, posting.bucket, sum(posting.amount) AS upto,
           sum(posting.amount) FILTER (WHERE entry.effective_at < {_SINCE}) AS before
      FROM journal_entry AS entry JOIN journal_posting AS posting ON posting.entry_id = entry.id
     WHERE entry.tenant_id = %(tenant)s AND entry.effective_at < {_UNTIL}
     GROUP BY posting.account_id, posting.bucket
), stored AS MATERIALIZED (
    SELECT account_id, bucket, sum(amount) AS amount
      FROM accounts_balance
     CROSS JOIN LATERAL (VALUES (0, available), (1, held), (2, escrowed), (3, bonded), (4, fee_pool), (5, promo),
                                (6, credit_used)) AS parts (bucket, amount)
     WHERE tenant_id = %(tenant)s GROUP BY account_id, bucket
)
SELECT account.name, account.type, account.currency, account.scale, account.unbounded, account.created_at,
       stored.bucket, moved.before, moved.upto, stored.amount
  FROM accounts_account AS account
  JOIN stored ON stored.account_id = account.id
  LEFT JOIN moved ON moved.account_id = account.id AND moved.bucket = stored.bucket
 WHERE account.tenant_id = %(tenant)s ORDER BY account.name, stored.bucket
"""


def currencies(books: Snapshot, tenant: int) -> list[tuple[str, int]]:
    """Codes and scales of the tenant's currencies."""
    sql = 'SELECT code, scale FROM accounts_currency WHERE tenant_id = %s ORDER BY code COLLATE "C"'
    return list(books.rows(sql, (tenant,)))


def last_day(books: Snapshot, tenant: int, period: Period) -> datetime:
    """The last moment that anything in the export is dated."""
    if period.until:
        return period.until - timedelta(microseconds=1)
    sql = "SELECT coalesce(max(effective_at), 'epoch') FROM journal_entry WHERE tenant_id = %s"
    latest: datetime = books.row(sql, (tenant,))[0]
    return max(latest, period.since) if period.since else latest


def most_moved(books: Snapshot, tenant: int) -> int:
    """The largest sum of absolute amounts of one currency: no sum of any of its postings is larger."""
    return int(books.row(_MOST_MOVED, (tenant,))[0])


_MOST_MOVED = """
SELECT coalesce(max(total), 0)
  FROM (SELECT sum(abs(posting.amount)) AS total
          FROM journal_posting AS posting JOIN accounts_account AS account ON account.id = posting.account_id
         WHERE account.tenant_id = %s GROUP BY account.currency) AS totals
"""
