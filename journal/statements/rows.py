"""Statements as the executor sees them: each account's chain, and what it had at the end of the next period.

What an account had is looked up here and not believed of the caller, so a statement that is issued is right in its
balances and its number of lines, whoever asks for it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from accounts.rows import Bucket, account_key, look_up
from journal import as_of
from journal.as_of import Cut
from ledger_project.log.unit import Batch, Look, Query, Row, Store, Wants

Had = tuple[list[int], int]  # what was in each bucket, after how many postings


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
    had: dict[datetime, Had]
    issued: list[Issued] = field(default_factory=list)
    new: bool = False
    changed: bool = False

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

    rank = 52
    row = ChainRow
    kinds = frozenset({"statement"})

    def prepare(self, wants: Wants, look: Look) -> None:
        """A want `statement` is an account and the end of the period."""
        asked = wants.refs.get("statement", set())
        refs = {account_key(ref) for ref, _ in asked}
        facts = look_up(wants.tenant, refs, look, remember=wants.committed) if refs else {}
        had: dict[UUID, dict[datetime, Had]] = {}
        for ref, until in asked:
            account = facts.get(account_key(ref))
            if account is not None:
                cut = Cut(known_at=until - as_of.MICROSECOND)
                had.setdefault(account.id, {})[until] = as_of.buckets(account, cut, look)
        wants.facts[ChainRow] = had

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
