"""Reading settlements: batches with each domain's position, and the entries that a batch settled."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from journal import queries
from journal.errors import SettlementNotFound
from journal.models import ClearingAccount
from ledger_project.kernel import clock, ids
from ledger_project.kernel.identity import fold
from ledger_project.log.queries import read

Position = list[Any]


@dataclass(frozen=True)
class Settlements:
    """A tenant's settlement batches, newest first."""

    tenant: int
    netting_batch_id: str | None = None

    def page(self, after: Position | None, limit: int) -> tuple[list[dict[str, Any]], Position | None]:
        where = "tenant_id = %s"
        values: list[Any] = [self.tenant]
        if self.netting_batch_id is not None:
            where, values = where + " AND folded(netting_batch_id) = %s", [*values, fold(self.netting_batch_id)]
        if after:
            where, values = where + " AND id < %s", [*values, UUID(after[0])]
        rows = read(f"{_BATCHES} WHERE {where} ORDER BY id DESC LIMIT %s", [*values, limit + 1])
        end = [rows[limit - 1][0].hex] if len(rows) > limit else None
        return _show(rows[:limit]), end


def settlement(tenant: int, ref: str) -> dict[str, Any]:
    """One batch by its public id. Refuses: SettlementNotFound."""
    key = ids.read("stl", ref)
    rows = read(f"{_BATCHES} WHERE tenant_id = %s AND id = %s", [tenant, key]) if key else []
    if not rows:
        raise SettlementNotFound(settlement=ref[:300])
    return _show(rows)[0]


@dataclass(frozen=True)
class SettledEntries:
    """The entries that a batch settled, newest first; the batch's own is not among them."""

    tenant: int
    settlement: str

    def page(self, after: Position | None, limit: int) -> tuple[list[dict[str, Any]], Position | None]:
        batch = UUID(hex=settlement(self.tenant, self.settlement)["id"][4:])
        last = UUID(after[0]) if after else UUID(int=2**128 - 1)
        found = [entry for (entry,) in read(_ENTRIES, [batch, last, limit + 1])]
        return queries.show(self.tenant, found[:limit]), [found[limit - 1].hex] if len(found) > limit else None


def clearing_accounts(tenant: int) -> QuerySet[ClearingAccount]:
    """A tenant's clearing accounts with their names."""
    return ClearingAccount.objects.filter(tenant=tenant).select_related("account")


def _show(rows: Sequence[tuple[Any, ...]]) -> list[dict[str, Any]]:
    """Batches as the API shows them, each with its positions, which are read for all at once."""
    positions: dict[UUID, list[dict[str, Any]]] = {}
    for batch, domain, account, currency, net, postings in read(_POSITIONS, [[row[0] for row in rows]]):
        positions.setdefault(batch, []).append(
            {
                "domain": domain,
                "account": ids.show("acc", account),
                "currency": currency,
                "net": str(net),
                "postings": postings,
            }
        )
    return [
        {
            "id": ids.show("stl", batch),
            "netting_batch_id": name,
            "window": {"from": since and clock.stamp(since), "to": until and clock.stamp(until)},
            "entry": ids.show("ent", batch) if moved else None,
            "positions": positions.get(batch, []),
            "recorded_at": clock.stamp(recorded_at),
        }
        for batch, name, since, until, moved, recorded_at in rows
    ]


_BATCHES = "SELECT id, netting_batch_id, since, until, moved, recorded_at FROM journal_settlementbatch"
_POSITIONS = """
SELECT settled.batch_id, clearing.domain, settled.account_id, clearing.currency, sum(settled.net),
       sum(settled.postings)::int
  FROM journal_settledrange AS settled
  JOIN journal_clearingaccount AS clearing ON clearing.account_id = settled.account_id
 WHERE settled.batch_id = ANY(%s::uuid[])
 GROUP BY settled.batch_id, clearing.domain, settled.account_id, clearing.currency
 ORDER BY clearing.domain, clearing.currency
"""
_ENTRIES = """
SELECT DISTINCT posting.entry_id
  FROM journal_settledrange AS settled
  JOIN journal_posting AS posting
    ON posting.account_id = settled.account_id AND posting.stripe = settled.stripe
   AND posting.version > settled.version_from AND posting.version <= settled.version_to AND posting.bucket = 0
 WHERE settled.batch_id = %s AND posting.entry_id < %s
   AND NOT EXISTS (SELECT FROM journal_settledrange AS own
                    WHERE own.batch_id = posting.entry_id AND own.account_id = posting.account_id)
 ORDER BY posting.entry_id DESC LIMIT %s
"""
