"""Clearing accounts as the executor sees them: which postings were settled, and what the others come to.

The postings of one balance row are numbered without gaps in the order of their commits, so what is settled is a range
of numbers per stripe, each beginning where the one before it ended: nothing is settled twice or stepped over.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from accounts.rows import Bucket
from ledger_project.kernel import clock, ids
from ledger_project.kernel.identity import fold
from ledger_project.log.lock_order import LockOrder
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


class ClearingRow(Row):
    """A clearing account under lock. `settled` has, by stripe, what the batch at hand has settled so far."""

    __slots__ = ("account_id", "currency", "domain", "settled", "settled_at")

    def __init__(
        self, account_id: UUID, domain: str, currency: str, settled_at: datetime | None, settled: dict[int, Cut]
    ) -> None:
        self.account_id = account_id
        self.domain = domain
        self.currency = currency
        self.settled_at = settled_at
        self.settled = settled
        self.new = self.changed = False

    @property
    def key(self) -> UUID:
        return self.account_id

    def copy(self) -> "ClearingRow":
        row = ClearingRow(self.account_id, self.domain, self.currency, self.settled_at, dict(self.settled))
        row.new, row.changed = self.new, self.changed
        return row


class ClearingStore(Store):
    """Clearing accounts are locked by id, before balances; transfers to them do not need this lock and go on.

    Wants: `clearing` a domain's accounts, or all (`EVERY_DOMAIN`); `clearing_beside` a system account in each of their
    currencies; `cut` a moment up to which their unsettled postings are added up.
    """

    rank = LockOrder.CLEARING_ACCOUNT
    row = ClearingRow
    kinds = frozenset({"clearing", "clearing_account"})
    leads = frozenset({"clearing_beside"})

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
        if not accounts:
            return None
        return (
            "SELECT account_id, domain, currency, settled_at FROM journal_clearingaccount"
            " WHERE account_id = ANY(%s::uuid[]) ORDER BY account_id FOR NO KEY UPDATE",
            (list(accounts),),
        )

    def load(self, records: Iterable[Sequence[Any]], batch: Batch, wants: Wants) -> None:
        for account, domain, currency, settled_at in records:
            batch.load(ClearingRow(account, domain, currency, settled_at, {}))

    def writing(self, rows: list[ClearingRow], tenant: int, now: datetime) -> Iterable[Query]:
        opened = [row for row in rows if row.new]
        settled = [row for row in rows if not row.new]
        if opened:
            yield (
                "INSERT INTO journal_clearingaccount (tenant_id, account_id, domain, currency)"
                " SELECT %s, * FROM unnest(%s::uuid[], %s::text[], %s::text[])",
                (
                    tenant,
                    [row.account_id for row in opened],
                    [row.domain for row in opened],
                    [row.currency for row in opened],
                ),
            )
        if settled:
            yield (
                "UPDATE journal_clearingaccount SET settled_at = %s WHERE account_id = ANY(%s::uuid[])",
                (now, [row.account_id for row in settled]),
            )


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


@dataclass(slots=True)
class SettlementRow(Row):
    """A settled batch; never changes."""

    id: UUID
    netting_batch_id: str
    since: datetime | None
    until: datetime | None
    moved: bool
    ranges: list[Range]

    @property
    def key(self) -> UUID:
        return self.id

    def copy(self) -> "SettlementRow":
        return replace(self)

    def document(self) -> dict[str, Any]:
        return {
            "id": ids.show("stl", self.id),
            "netting_batch_id": self.netting_batch_id,
            "window": {"from": self.since and clock.stamp(self.since), "to": self.until and clock.stamp(self.until)},
            "ranges": [
                [ids.show("acc", each.account_id), each.stripe, each.start, each.end, str(each.net), each.postings]
                for each in self.ranges
            ],
        }


class SettlementStore(Store):
    """Batches are looked up by what their netting batch id means; two of one id meet at the unique index."""

    rank = LockOrder.NETTING_BATCH
    row = SettlementRow
    kinds = frozenset({"netting_batch"})

    def reading(self, wants: Wants) -> Query | None:
        names = wants.refs.get("netting_batch")
        if not names:
            return None
        return (
            "SELECT id, netting_batch_id, since, until, moved FROM journal_settlementbatch"
            " WHERE tenant_id = %s AND folded(netting_batch_id) = ANY(%s)",
            (wants.tenant, list(map(fold, names))),
        )

    def load(self, records: Iterable[Sequence[Any]], batch: Batch, wants: Wants) -> None:
        for batch_id, name, since, until, moved in records:
            batch.load(SettlementRow(batch_id, name, since, until, moved, []), fold(name))

    def writing(self, rows: list[SettlementRow], tenant: int, now: datetime) -> Iterable[Query]:
        yield (
            "INSERT INTO journal_settlementbatch (tenant_id, recorded_at, id, netting_batch_id, since, until, moved)"
            " SELECT %s, %s, * FROM unnest(%s::uuid[], %s::text[], %s::timestamptz[], %s::timestamptz[], %s::bool[])",
            (
                tenant,
                now,
                [row.id for row in rows],
                [row.netting_batch_id for row in rows],
                [row.since for row in rows],
                [row.until for row in rows],
                [row.moved for row in rows],
            ),
        )
        ranges = [(row.id, each) for row in rows for each in row.ranges]
        yield (
            "INSERT INTO journal_settledrange"
            " (tenant_id, batch_id, account_id, stripe, version_from, version_to, net, postings)"
            " SELECT %s, * FROM unnest(%s::uuid[], %s::uuid[], %s::smallint[], %s::text[]::bigint[],"
            " %s::text[]::bigint[], %s::text[]::numeric[], %s::int[])",
            (
                tenant,
                [batch_id for batch_id, _ in ranges],
                [each.account_id for _, each in ranges],
                [each.stripe for _, each in ranges],
                [str(each.start) for _, each in ranges],
                [str(each.end) for _, each in ranges],
                [str(each.net) for _, each in ranges],
                [each.postings for _, each in ranges],
            ),
        )
