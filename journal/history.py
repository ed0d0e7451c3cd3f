"""An account's history: its entries, newest first, found by the numbers of its postings.

Every posting has the next `version` of its balance row, and `(account, stripe, version)` is unique, so a history is
read backwards along that index and no other is needed. A bounded account has one stripe: its history is in the very
order in which its balance moved. The stripes of an unbounded one are merged by the ids of the entries.
"""

import heapq
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any
from uuid import UUID

from accounts.rows import AccountFacts
from ledger_project.kernel import ids
from ledger_project.log.queries import read

Read = Callable[[str, Sequence[Any]], Iterable[Any]]
Position = list[Any]  # the version that was reached in each stripe
ENDLESS = 2**63 - 1
# An account's ids follow its versions while the database's clock runs forwards; it may be set back by this much.
SLACK = timedelta(seconds=10)
LATEST = datetime.max.replace(tzinfo=UTC) - SLACK


def page(
    account: AccountFacts,
    where: str,
    parameters: Sequence[Any],
    *,
    since: datetime | None,
    until: datetime | None,
    after: Position | None,
    limit: int,
) -> tuple[list[UUID], Position | None]:
    """Ids of the account's entries that meet the condition on `entry`, recorded near [since, until).

    The times only bound the search; the exact bounds are part of the condition.
    """
    lowest, highest = spans(account, since, until)
    reached = [min(bound, top) for bound, top in zip(after or highest, highest, strict=True)]
    # One arm per stripe, with its numbers written in: the planner must see how many postings lie between them.
    arms = [_STRIPE.format(where=where)] * account.stripes
    values = [
        value
        for stripe, (low, high) in enumerate(zip(lowest, reached, strict=True))
        for value in (account.id, stripe, low, high, *parameters, limit + 1)
    ]
    records = read(f"SELECT * FROM (({') UNION ALL ('.join(arms)})) AS found ORDER BY stripe, version DESC", values)
    stripes = [list(rows) for _, rows in groupby(records, key=lambda row: row[0])]
    found: list[UUID] = []
    for stripe, version, entry in heapq.merge(*stripes, key=lambda row: row[2], reverse=True):
        if entry not in found[-1:]:
            if len(found) == limit:
                return found, reached
            found.append(entry)
        reached[stripe] = version
    return found, None


# The scalar subquery keeps one posting of an entry that moved several buckets: its last.
_STRIPE = """
SELECT posting.stripe, posting.version, posting.entry_id
  FROM journal_posting AS posting JOIN journal_entry AS entry ON entry.id = posting.entry_id
 WHERE posting.account_id = %s AND posting.stripe = %s AND posting.version > %s AND posting.version < %s
   AND posting.entry_id IS DISTINCT FROM (
       SELECT later.entry_id FROM journal_posting AS later
        WHERE later.account_id = posting.account_id AND later.stripe = posting.stripe
          AND later.version = posting.version + 1)
   AND {where}
 ORDER BY posting.version DESC LIMIT %s
"""


def tops(account: AccountFacts, rows: Read = read) -> list[int]:
    """The first version that each stripe does not have yet."""
    found = rows("SELECT version + 1 FROM accounts_balance WHERE account_id = %s ORDER BY stripe", [account.id])
    return [version for (version,) in found]


def spans(
    account: AccountFacts,
    since: datetime | None,
    until: datetime | None,
    rows: Read = read,
) -> tuple[list[int], list[int]]:
    """Versions between which, by stripe, all postings of that time lie; both ends excluded.

    The stripes of an unbounded account end at what they have now, for what one of them gets later is not of this list.
    """
    lowest, highest = [0] * account.stripes, [ENDLESS] * account.stripes
    if since is None and until is None and account.stripes == 1:
        return lowest, highest
    edges = [
        ids.first(since - SLACK) if since is not None else None,
        ids.first(min(until, LATEST) + SLACK) if until is not None else None,
    ]
    for stripe, low, high in rows(_BISECT, [*edges, account.id, account.id]):
        lowest[stripe], highest[stripe] = low, high
    return lowest, highest


# The last version before an id and the first one after, by stripe: a binary search, some twenty probes of the index.
_BISECT = """
WITH RECURSIVE search AS (
    SELECT balance.stripe, edge.at_end, edge.id, 0::bigint AS low, balance.version + 1 AS high
      FROM accounts_balance AS balance
     CROSS JOIN (VALUES (false, %s::uuid), (true, %s::uuid)) AS edge (at_end, id)
     WHERE balance.account_id = %s
    UNION ALL
    SELECT stripe, at_end, id, CASE WHEN before THEN middle ELSE low END, CASE WHEN before THEN high ELSE middle END
      FROM search
     CROSS JOIN LATERAL (SELECT (low + high) / 2 AS middle) AS half
     CROSS JOIN LATERAL (
           SELECT coalesce((SELECT posting.entry_id < search.id FROM journal_posting AS posting
                             WHERE posting.account_id = %s AND posting.stripe = search.stripe
                               AND posting.version = half.middle), false) AS before
           ) AS probe
     WHERE high - low > 1 AND id IS NOT NULL
)
SELECT stripe, max(low) FILTER (WHERE NOT at_end), max(high) FILTER (WHERE at_end)
  FROM search WHERE high - low = 1 OR id IS NULL GROUP BY stripe
"""
