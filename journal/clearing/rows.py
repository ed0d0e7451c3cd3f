"""Clearing accounts as the executor sees them: which postings were settled, and what the others come to.

The postings of one balance row are numbered without gaps in the order of their commits, so what is settled is a range
of numbers per stripe, each beginning where the one before it ended: nothing is settled twice or stepped over.
"""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import astuple, dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from accounts.rows import Bucket
from ledger_project.kernel import clock, ids
from ledger_project.kernel.identity import fold
from ledger_project.log.lock_order import LockOrder
from ledger_project.log.table import StoredRow, TableStore, column, insert_all, stored
from ledger_project.log.unit import Batch, Look, Query, Row, Store, Wants

MAX_ACCOUNTS = 100  # in one batch
MAX_POSTINGS = 50_000  # looked at by one batch, shared out among its stripes
EVERY_DOMAIN = None


@dataclass(frozen=True, slots=True)
class Cut:
    """The unsettled postings of a stripe up to a moment: the number of the last, their sum in debits, their count.

    `more` says that there may be further ones before that moment, beyond the limit of one batch.
    """

    version: int
    net: int = 0
    postings: int = 0
    more: bool = False


@stored
class ClearingRow(StoredRow):
    """A clearing account under lock. `settled` has, by stripe, what the batch at hand has settled so far."""

    account_id: UUID = column()
    domain: str = column()
    currency: str = column()
    settled_at: datetime | None = column(changes=True, default=None)
    settled: dict[int, Cut] = field(default_factory=dict)

    @property
    def key(self) -> UUID:
        return self.account_id


class ClearingStore(TableStore):
    """Clearing accounts are locked by id, before balances; transfers to them do not need this lock and go on.

    Wants: `clearing` a domain's accounts, or all (`EVERY_DOMAIN`); `clearing_beside` a system account in each of their
    currencies; `cut` a moment up to which their unsettled postings are added up.
    """

    rank = LockOrder.CLEARING_ACCOUNT
    row = ClearingRow
    kinds = frozenset({"clearing", "clearing_account"})
    leads = frozenset({"clearing_beside"})
    table = "journal_clearingaccount"
    key_columns = ("account_id",)

    def prepare(self, wants: Wants, look: Look) -> None:
        domains = wants.refs.get("clearing")
        if not domains:
            return
        accounts = look(
            "SELECT account_id FROM journal_clearingaccount"
            " WHERE tenant_id = %s AND (folded(domain) = ANY(%s) OR %s) ORDER BY account_id LIMIT %s",
            (
                wants.tenant,
                [fold(domain) for domain in domains if domain is not EVERY_DOMAIN],
                EVERY_DOMAIN in domains,
                MAX_ACCOUNTS + 1,
            ),
        )
        for (account,) in accounts:
            wants.add("clearing_account", account)
            wants.add("account", account)
            for pattern in wants.refs.get("clearing_beside", ()):
                wants.add("beside", (account, pattern))

    def reading(self, wants: Wants) -> Query | None:
        accounts = wants.refs.get("clearing_account")
        condition = "stored.account_id = ANY(%s::uuid[])"
        return self.columns.locked(wants.tenant, condition, list(accounts)) if accounts else None


@dataclass(slots=True)
class PositionRow(Row):
    """What a stripe of a clearing account comes to, from `mark`, the last settled posting, up to a moment."""

    account_id: UUID
    stripe: int
    until: datetime | None
    mark: int
    cut: Cut

    @property
    def key(self) -> tuple[UUID, int, datetime | None]:
        return self.account_id, self.stripe, self.until

    def copy(self) -> "PositionRow":
        return replace(self)


class PositionStore(Store):
    """Read right after the clearing accounts are locked, in a statement of its own: it sees every batch before it.

    What a batch posts to a clearing account to settle it is no position of that account.
    """

    rank = LockOrder.CLEARING_POSITION
    row = PositionRow
    kinds = frozenset({"clearing_account"})
    leads = frozenset({"cut"})

    def reading(self, wants: Wants) -> Query | None:
        pairs = [
            (account, until)
            for account in wants.refs.get("clearing_account", ())
            for until in wants.refs.get("cut", ())
        ]
        if not pairs:
            return None
        return (
            _POSITIONS,
            (
                MAX_POSTINGS,
                [account for account, _ in pairs],
                [clock.stamp(until) if until else "infinity" for _, until in pairs],
            ),
        )

    def load(self, records: Iterable[Sequence[Any]], batch: Batch, wants: Wants) -> None:
        moments = {clock.stamp(until): until for until in wants.refs.get("cut", ()) if until}
        for account, stripe, until, mark, version, net, postings, more in records:
            cut = Cut(version, net, postings, more)
            batch.load(PositionRow(account, stripe, moments.get(until), mark, cut))


# The window function makes the cut a beginning of the numbering: times of one stripe stepped back with the clock once.
_POSITIONS = f"""
WITH wanted AS (
    SELECT wanted.account_id, wanted.until, stripe.number AS stripe,
           greatest(1, %s / count(*) OVER ()) AS most
      FROM unnest(%s::uuid[], %s::text[]) AS wanted (account_id, until)
      JOIN accounts_account AS account ON account.id = wanted.account_id
     CROSS JOIN LATERAL generate_series(0, account.stripes - 1) AS stripe (number)
)
SELECT wanted.account_id, wanted.stripe, wanted.until, mark.version, coalesce(cut.version, mark.version),
       coalesce(cut.net, 0), cut.postings, cut.seen = wanted.most
  FROM wanted
 CROSS JOIN LATERAL (
       SELECT coalesce((SELECT version_to FROM journal_settledrange
                         WHERE account_id = wanted.account_id AND stripe = wanted.stripe
                         ORDER BY version_from DESC LIMIT 1), 0) AS version) AS mark
 CROSS JOIN LATERAL (
       SELECT max(version) AS version, sum(amount) FILTER (WHERE counts) AS net,
              count(*) FILTER (WHERE counts) AS postings, count(*) AS seen
         FROM (SELECT posting.version, posting.amount,
                      posting.bucket = {int(Bucket.AVAILABLE)} AND NOT EXISTS (
                          SELECT FROM journal_settledrange AS own
                           WHERE own.batch_id = posting.entry_id AND own.account_id = wanted.account_id) AS counts,
                      bool_or(event.recorded_at >= wanted.until::timestamptz) OVER (ORDER BY posting.version) AS late
                 FROM (SELECT version, amount, bucket, entry_id FROM journal_posting
                        WHERE account_id = wanted.account_id AND stripe = wanted.stripe AND version > mark.version
                        ORDER BY version LIMIT wanted.most) AS posting
                 LEFT JOIN log_event AS event ON wanted.until <> 'infinity' AND event.id = posting.entry_id) AS line
        WHERE late IS NOT TRUE) AS cut
"""


@dataclass(frozen=True, slots=True)
class Range:
    """The postings of one stripe that a batch settled: those after `start`, up to and with `end`."""

    account_id: UUID
    stripe: int
    start: int
    end: int
    net: int
    postings: int


@stored
class SettlementRow(StoredRow):
    """A settled batch; never changes."""

    id: UUID = column(public="stl")
    netting_batch_id: str = column()
    since: datetime | None = column(shown=False)
    until: datetime | None = column(shown=False)
    moved: bool = column(shown=False)
    recorded_at: datetime = column(shown=False)
    ranges: list[Range] = field(default_factory=list)

    @property
    def names(self) -> tuple[Hashable, ...]:
        return (fold(self.netting_batch_id),)

    def document(self) -> dict[str, Any]:
        return {
            **self.shown(),
            "window": {"from": self.since and clock.stamp(self.since), "to": self.until and clock.stamp(self.until)},
            "ranges": [
                [ids.show("acc", each.account_id), each.stripe, each.start, each.end, str(each.net), each.postings]
                for each in self.ranges
            ],
        }


class SettlementStore(TableStore):
    """Batches are looked up by what their netting batch id means; two of one id meet at the unique index."""

    rank = LockOrder.NETTING_BATCH
    row = SettlementRow
    kinds = frozenset({"netting_batch"})
    table = "journal_settlementbatch"

    def reading(self, wants: Wants) -> Query | None:
        names = wants.refs.get("netting_batch")
        if not names:
            return None
        return (
            f"{self.columns.select} WHERE tenant_id = %s AND folded(netting_batch_id) = ANY(%s)",
            (wants.tenant, list(map(fold, names))),
        )

    def writing(self, rows: list[SettlementRow], tenant: int, now: datetime) -> Iterable[Query]:
        yield from super().writing(rows, tenant, now)
        yield insert_all(
            "journal_settledrange",
            "batch_id uuid, account_id uuid, stripe smallint, version_from bigint, version_to bigint, net numeric,"
            " postings int",
            [(row.id, *astuple(each)) for row in rows for each in row.ranges],
            tenant,
        )
