"""What the postings say of a balance row, read under the row's lock: for the command that repairs one."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from accounts.rows import Bucket, account_key, look_up
from ledger_project.kernel import ids
from ledger_project.log.lock_order import LockOrder
from ledger_project.log.unit import Batch, Look, Query, Row, Store, Wants

KIND = "replayed_account"


FIGURES = ("total_in", "total_out", *(bucket.label for bucket in Bucket))


@dataclass(slots=True)
class ReplayedRow(Row):
    """A balance row as it is stored and as its postings have it, each by its FIGURES, before this batch writes to it.

    `newest` and `postings` say how its postings are numbered and how many there are.
    """

    account: UUID
    stripe: int
    version: int
    newest: int
    postings: int
    stored: list[int]
    replayed: list[int]

    @property
    def key(self) -> tuple[str, int]:
        return ids.show("acc", self.account), self.stripe

    def copy(self) -> "ReplayedRow":
        return replace(self)


class ReplayedStore(Store):
    """Read after balance rows are locked, by a statement of its own: it sees all that was committed before the lock."""

    rank = LockOrder.REPLAYED_BALANCE
    row = ReplayedRow
    kinds = frozenset({KIND})

    def prepare(self, wants: Wants, look: Look) -> None:
        refs = {account_key(ref) for ref in wants.refs[KIND]}
        found = look_up(wants.tenant, refs, look, remember=wants.committed)
        wants.facts[ReplayedRow] = sorted({facts.id for facts in found.values()})

    def reading(self, wants: Wants) -> Query | None:
        keys = wants.facts[ReplayedRow]
        return _REPLAYED, (keys, keys)

    def load(self, records: Iterable[Sequence[Any]], batch: Batch, wants: Wants) -> None:
        for account, stripe, version, newest, postings, *figures in records:
            amounts = list(map(int, figures))
            stored, replayed = amounts[: len(FIGURES)], amounts[len(FIGURES) :]
            batch.load(ReplayedRow(account, stripe, version, newest, postings, stored, replayed))


# A posting is debit-positive; a balance is in its account's normal direction, and drawn credit on the other side of it.
_SUMS = ", ".join(
    f"{'-' if bucket is Bucket.CREDIT_USED else ''}sum(net) FILTER (WHERE bucket = {bucket.value}) AS {bucket.label}"
    for bucket in Bucket
)
_REPLAYED = f"""
WITH line AS (
    SELECT posting.account_id, posting.stripe, posting.bucket, posting.version, posting.entry_id,
           CASE WHEN account.type IN ('asset', 'expense') THEN 1 ELSE -1 END * posting.amount AS net
      FROM journal_posting AS posting JOIN accounts_account AS account ON account.id = posting.account_id
     WHERE posting.account_id = ANY(%s::uuid[])
), total AS (
    SELECT account_id, stripe, sum(net) FILTER (WHERE net > 0) AS total_in,
           -sum(net) FILTER (WHERE net < 0) AS total_out
      FROM (SELECT account_id, stripe, sum(net) AS net FROM line GROUP BY account_id, stripe, entry_id) AS entry
     GROUP BY account_id, stripe
), bucket AS (
    SELECT account_id, stripe, max(version) AS newest, count(*) AS postings, {_SUMS}
      FROM line GROUP BY account_id, stripe
)
SELECT account_id, stripe, balance.version, coalesce(bucket.newest, 0), coalesce(bucket.postings, 0),
       {", ".join(f"balance.{name}" for name in FIGURES)},
       coalesce(total.total_in, 0), coalesce(total.total_out, 0),
       {", ".join(f"coalesce(bucket.{name.label}, 0)" for name in Bucket)}
  FROM accounts_balance AS balance
  LEFT JOIN total USING (account_id, stripe) LEFT JOIN bucket USING (account_id, stripe)
 WHERE balance.account_id = ANY(%s::uuid[])
"""
