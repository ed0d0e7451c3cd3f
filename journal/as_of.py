"""The books at any moment, of what was effective (`as_of`) and of what was known (`known_at`), or of both.

An entry counts if it was effective at `as_of` or before, and recorded at `known_at` or before. Without either it is the
stored balance, which has everything that was ever accepted, future-dated entries included.

One account is looked up: its versions follow the log, so what it had when a moment was recorded stands in its last
postings before it; then the entries that were dated otherwise than they were recorded are put right, which have an
index of their own (sql/dated_entries.sql). Many accounts are told back from their stored balances: what came after is
taken off. Nothing is kept that an entry dated back or forward could make wrong.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from accounts.queries import BUCKET_COLUMNS
from accounts.rows import AccountFacts, Bucket
from journal import history
from journal.history import Read
from ledger_project.kernel import clock, ids
from ledger_project.log.queries import read

MICROSECOND = timedelta(microseconds=1)
LAST = UUID(int=2**128 - 1)


@contextmanager
def one_moment() -> Iterator[None]:
    """Let everything that is read inside see the same books."""
    with connection.cursor() as cursor:
        cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        try:
            yield
        finally:
            cursor.execute("ROLLBACK")


@dataclass(frozen=True)
class Cut:
    """Which entries count; None is no bound. Both moments are inside."""

    as_of: datetime | None = None
    known_at: datetime | None = None

    def __bool__(self) -> bool:
        return self.as_of is not None or self.known_at is not None

    def shown(self) -> dict[str, str | None]:
        return {name: moment and clock.stamp(moment) for name, moment in vars(self).items()}

    @property
    def effective(self) -> datetime | str:
        return self.as_of or "infinity"

    @property
    def known(self) -> UUID:
        """The first id that was recorded too late."""
        return _after(self.known_at)

    @property
    def undated(self) -> UUID:
        """The first id that is too late of the entries that are effective when they are recorded."""
        return min(_after(self.as_of), self.known)

    @property
    def looked_up(self) -> datetime | None:
        """The moment of recording whose balance is looked up."""
        return min((moment for moment in (self.as_of, self.known_at) if moment), default=None)


def _after(moment: datetime | None) -> UUID:
    return LAST if moment is None or moment > history.LATEST else ids.first(moment + MICROSECOND)


def effect(sign: int, bucket: int, amount: int) -> int:
    """What a posting does to its bucket, in the account's normal direction; drawn credit is the other side of it."""
    return -sign * amount if bucket == Bucket.CREDIT_USED else sign * amount


def buckets(account: AccountFacts, cut: Cut, rows: Read = read) -> tuple[list[int], int]:
    """What the account had by bucket, and how many of its postings count."""
    moment = cut.looked_up
    if moment is None:
        lowest = highest = [bound - 1 for bound in history.tops(account, rows)]
    else:
        moment = min(moment, history.LATEST)
        lowest, highest = history.spans(account, moment + MICROSECOND, moment, rows)
    found = [0] * len(Bucket)
    version = sum(lowest)
    for bucket, after in rows(_LOOKED_UP, [account.id, lowest]):
        found[bucket] += int(after)
    if moment is None:
        return found, version
    near = [account.id, lowest, highest, cut.undated]
    back = [account.tenant, cut.effective, cut.undated, cut.known]
    forward = [account.tenant, cut.effective, cut.undated]
    for bucket, amount, count in [*rows(_NEAR, near), *rows(_DATED, [*back, *forward, account.id])]:
        found[bucket] += effect(account.sign, bucket, int(amount))
        version += int(count)
    return found, version


# The last posting of each bucket up to a version, by stripe. All buckets but the first have an index of their own.
_LAST = """
SELECT posting.bucket, posting.balance_after FROM journal_posting AS posting
 WHERE posting.account_id = reached.account_id AND posting.stripe = reached.stripe
   AND posting.version <= reached.version AND {bucket} ORDER BY posting.version DESC LIMIT 1
"""
_BUCKETS = [f"posting.bucket = {n}" + (" AND posting.bucket <> 0" if n else "") for n in range(len(Bucket))]
_LOOKED_UP = f"""
SELECT last.bucket, last.balance_after
  FROM (SELECT %s::uuid AS account_id, version, (place - 1)::smallint AS stripe
          FROM unnest(%s::bigint[]) WITH ORDINALITY AS up_to (version, place)) AS reached
 CROSS JOIN LATERAL ({" UNION ALL ".join(f"({_LAST.format(bucket=each)})" for each in _BUCKETS)}) AS last
"""
# The search is as wide as the clock may have been set back; here the exact bound is applied.
_NEAR = """
SELECT posting.bucket, sum(posting.amount), count(*)
  FROM (SELECT %s::uuid AS account_id, span.low, span.high, (place - 1)::smallint AS stripe
          FROM unnest(%s::bigint[], %s::bigint[]) WITH ORDINALITY AS span (low, high, place)) AS span
  JOIN journal_posting AS posting ON posting.account_id = span.account_id AND posting.stripe = span.stripe
   AND posting.version > span.low AND posting.version < span.high
 WHERE posting.entry_id < %s GROUP BY posting.bucket
"""
DATED = """extract(epoch FROM entry.effective_at - '1970-01-01 00:00:00+00'::timestamptz) * 1000000
 <> ('x' || substr(replace(entry.id::text, '-', ''), 1, 12))::bit(48)::bigint * 1000
  + (('x' || substr(replace(entry.id::text, '-', ''), 14, 3))::bit(12)::int * 1000 + 4095) / 4096"""
# Dated back: effective already, and recorded later. Dated forward: looked up, and not yet effective.
_DATED = f"""
SELECT posting.bucket, sum(dated.sign * posting.amount), sum(dated.sign)
  FROM (SELECT entry.id, 1 AS sign FROM journal_entry AS entry
         WHERE entry.tenant_id = %s AND entry.effective_at <= %s::timestamptz AND entry.id >= %s AND entry.id < %s
           AND {DATED}
         UNION ALL
        SELECT entry.id, -1 FROM journal_entry AS entry
         WHERE entry.tenant_id = %s AND entry.effective_at > %s::timestamptz AND entry.id < %s AND {DATED}) AS dated
 CROSS JOIN LATERAL (SELECT * FROM journal_posting AS posting WHERE posting.entry_id = dated.id OFFSET 0) AS posting
 WHERE posting.account_id = %s GROUP BY posting.bucket
"""

_TOLD = ", ".join(
    f"sum(posting.amount) FILTER (WHERE posting.bucket = {bucket.value}) AS {bucket.label}" for bucket in Bucket
)
_STORED = ", ".join(f"sum({column}) AS {column}" for column in BUCKET_COLUMNS)
_BACK = ", ".join(
    f"stored.{bucket.label} {'+' if bucket is Bucket.CREDIT_USED else '-'}"
    f" CASE WHEN account.type IN ('asset', 'expense') THEN 1 ELSE -1 END * coalesce(told.{bucket.label}, 0)"
    f" AS {bucket.label}"
    for bucket in Bucket
)
# In the place of `accounts_balance`: what each account of a tenant had, told back from what it has.
BALANCES = f"""(
SELECT stored.account_id, 0 AS stripe, {_BACK}, stored.version - coalesce(told.count, 0) AS version,
       NULL::numeric AS total_in, NULL::numeric AS total_out
  FROM (SELECT account_id, {_STORED}, sum(version)::bigint AS version FROM accounts_balance
         WHERE tenant_id = %s GROUP BY account_id) AS stored
  JOIN accounts_account AS account ON account.id = stored.account_id
  LEFT JOIN (SELECT posting.account_id, count(*), {_TOLD}
               FROM (SELECT entry.id FROM journal_entry AS entry
                      WHERE entry.tenant_id = %s AND entry.id >= %s
                        AND NOT (entry.effective_at <= %s::timestamptz AND entry.id < %s)
                      UNION ALL
                     SELECT entry.id FROM journal_entry AS entry
                      WHERE entry.tenant_id = %s AND entry.id < %s AND entry.effective_at > %s::timestamptz
                        AND {DATED}) AS later
               JOIN journal_posting AS posting ON posting.entry_id = later.id
              GROUP BY posting.account_id) AS told ON told.account_id = stored.account_id
)"""


def balances(tenant: int, cut: Cut) -> tuple[str, list[Any]]:
    """The rows that stand for `accounts_balance` at a moment, with their parameters."""
    later = [tenant, cut.undated, cut.effective, cut.known, tenant, cut.undated, cut.effective]
    return BALANCES, [tenant, *later]
