"""Statements as the executor sees them: each account's chain, and what the books say of the next period.

A statement is read here and not believed of the caller, so one that is issued is right, whoever asks for it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from accounts.rows import AccountFacts, Bucket, account_key, look_up
from journal import as_of
from journal.as_of import Cut
from journal.exports.reading import Period
from journal.exports.snapshot import Snapshot, snapshot
from journal.statements.reading import statement
from ledger_project.log.lock_order import LockOrder
from ledger_project.log.unit import Batch, Look, Query, Row, Store, Wants


@dataclass(frozen=True, slots=True)
class PeriodRead:
    """What the books say of a period: what was in each bucket at its end, after how many postings, and the lines."""

    closing: list[int]
    version: int
    total_in: int
    total_out: int
    lines_hash: bytes
    log: tuple[int, int]
    root: bytes | None
    sealed: bool


@dataclass(frozen=True, slots=True)
class Issued:
    """A new link of a chain."""

    id: UUID
    since: datetime
    until: datetime
    opening: list[int]
    closing: list[int]
    version: int
    total_in: int
    total_out: int
    lines: int
    log: tuple[int, int]
    root: bytes | None
    lines_hash: bytes
    hash: bytes


@dataclass(slots=True)
class ChainRow(Row):
    """An account's statements: where the last one ended, and with what. `until` is None before the first."""

    account: UUID
    until: datetime | None
    closing: list[int]
    version: int
    read: dict[tuple[datetime, datetime], PeriodRead]
    issued: list[Issued] = field(default_factory=list)

    @property
    def key(self) -> UUID:
        return self.account

    def copy(self) -> "ChainRow":
        return replace(self, issued=self.issued.copy())

    def issue(self, link: Issued) -> None:
        self.issued.append(link)
        self.until, self.closing, self.version, self.changed = link.until, link.closing, link.version, True


class ChainStore(Store):
    """Read once the account is locked, which keeps its statements apart.

    Of an unbounded one it is a stripe that is locked; there the second of two links meets the first's place in the
    chain.
    """

    rank = LockOrder.STATEMENT_CHAIN
    row = ChainRow
    kinds = frozenset({"statement"})

    def prepare(self, wants: Wants, look: Look) -> None:
        """A want `statement` is an account and a period; all of one batch are read at one moment of the books."""
        asked = wants.refs.get("statement", set())
        facts = look_up(wants.tenant, {account_key(ref) for ref, *_ in asked}, look, remember=wants.committed)
        found: dict[UUID, dict[tuple[datetime, datetime], PeriodRead]] = {}
        with snapshot() as books:
            for ref, since, until in asked:
                account = facts.get(account_key(ref))
                if account is not None:
                    read = found.setdefault(account.id, {})
                    read[since, until] = _read(books, account, Period(since, until), look)
        wants.facts[ChainRow] = found

    def reading(self, wants: Wants) -> Query | None:
        accounts = wants.facts.get(ChainRow, {})
        return (_CHAINS, (list(accounts),)) if accounts else None

    def load(self, records: Iterable[Sequence[Any]], batch: Batch, wants: Wants) -> None:
        for account, until, closing, version in records:
            last = [int(amount) for amount in closing] if closing else [0] * len(Bucket)
            batch.load(ChainRow(account, until, last, version or 0, wants.facts[ChainRow][account]))

    def writing(self, rows: list[ChainRow], tenant: int, now: datetime) -> Iterable[Query]:
        links = [(row.account, link) for row in rows for link in row.issued]
        yield (
            _WRITE,
            (
                tenant,
                [link.id for _, link in links],
                [account for account, _ in links],
                [link.since for _, link in links],
                [link.until for _, link in links],
                [_array(link.opening) for _, link in links],
                [_array(link.closing) for _, link in links],
                [link.version for _, link in links],
                [str(link.total_in) for _, link in links],
                [str(link.total_out) for _, link in links],
                [link.lines for _, link in links],
                [link.log[0] for _, link in links],
                [link.log[1] for _, link in links],
                [link.root for _, link in links],
                [link.lines_hash for _, link in links],
                [link.hash for _, link in links],
            ),
        )


def _read(books: Snapshot, account: AccountFacts, period: Period, look: Look) -> PeriodRead:
    cut = Cut(known_at=(period.until or datetime.max) - as_of.MICROSECOND)
    closing, version = as_of.buckets(account, cut, look)
    made = statement(books, account, period)
    for _ in made.lines():
        pass
    totals, log = (made.total_in, made.total_out), (made.first, made.end)
    return PeriodRead(closing, version, *totals, made.lines_hash, log, made.root, made.sealed)


def _array(buckets: list[int]) -> str:
    """An array within an array: PostgreSQL's would be unnested whole."""
    return "{" + ",".join(map(str, buckets)) + "}"


_CHAINS = """
SELECT asked.id, last.until, last.closing, last.version
  FROM unnest(%s::uuid[]) AS asked (id)
  LEFT JOIN LATERAL (SELECT until, closing, version FROM journal_issuedstatement
                      WHERE account_id = asked.id ORDER BY since DESC LIMIT 1) AS last ON true
"""
_WRITE = """
INSERT INTO journal_issuedstatement
       (tenant_id, id, account_id, since, until, opening, closing, version, total_in, total_out, lines, log_from,
        log_to, log_root, lines_hash, hash)
SELECT %s, link.id, account, since, until, opening::numeric[], closing::numeric[], version, total_in, total_out,
       lines, log_from, log_to, root, lines_hash, hash
  FROM unnest(%s::uuid[], %s::uuid[], %s::timestamptz[], %s::timestamptz[], %s::text[], %s::text[], %s::bigint[],
              %s::text[]::numeric[], %s::text[]::numeric[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bytea[],
              %s::bytea[], %s::bytea[])
       WITH ORDINALITY AS link (id, account, since, until, opening, closing, version, total_in, total_out, lines,
                                log_from, log_to, root, lines_hash, hash, place)
 ORDER BY place
"""
