"""What was decided about lines and entries, as the executor sees it: matches, and adjustments that wait for a yes."""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import field
from datetime import datetime
from typing import Any
from uuid import UUID

from ledger_project.kernel import ids
from ledger_project.log.lock_order import LockOrder
from ledger_project.log.table import StoredRow, TableStore, column, insert_all, money, stored
from ledger_project.log.unit import Batch, Look, Query, Wants


@stored
class MatchRow(StoredRow):
    """Lines of a statement and entries of its account that belong together, or that a person explained."""

    id: UUID = column(public="xmt")
    statement: UUID = column("statement_id", public="xst", shown="external_statement")
    account: UUID = column(joined="statement.account_id", shown=False)
    kind: str = column()
    how: str = column()
    reason: str = column()
    difference: int = money()
    tolerance: int = money(shown=False)
    created_at: datetime = column()
    undone_at: datetime | None = column(changes=True, default=None)
    lines: list[int] = field(default_factory=list)
    entries: list[UUID] = field(default_factory=list)

    def document(self) -> dict[str, Any]:
        return {
            **self.shown(),
            "lines": self.lines,
            "entries": [ids.show("ent", entry) for entry in self.entries],
        }


class MatchStore(TableStore):
    """Matches are locked by id, before adjustments and before everything that holds money."""

    rank = LockOrder.EXTERNAL_MATCH
    row = MatchRow
    kinds = frozenset({"external_match"})
    leads = frozenset({"reconciled_entry"})  # an entry that is only named; nothing is locked by it
    table = "journal_externalmatch"
    joins = "JOIN journal_externalstatement AS statement ON statement.id = stored.statement_id"

    def reading(self, wants: Wants) -> Query | None:
        keys = list(wants.refs["external_match"])
        statement, values = self.columns.locked(wants.tenant, "stored.id = ANY(%s::uuid[])", keys)
        return statement.replace(self.columns.selected, f"{self.columns.selected}, {_MATCHED}", 1), values

    def load(self, records: Iterable[Sequence[Any]], batch: Batch, wants: Wants) -> None:
        for *record, lines, entries in records:
            row = self.columns.read(record)
            row.lines, row.entries = lines, entries
            batch.load(row)

    def writing(self, rows: list[MatchRow], tenant: int, now: datetime) -> Iterable[Query]:
        yield from super().writing(rows, tenant, now)
        made, undone = [row for row in rows if row.new], [row.id for row in rows if not row.new]
        if made:
            yield from _made(made, tenant)
        if undone:
            for table in ("journal_matchedline", "journal_matchedentry"):
                yield f"UPDATE {table} SET active = false WHERE match_id = ANY(%s::uuid[])", (undone,)


def _made(rows: list[MatchRow], tenant: int) -> Iterable[Query]:
    """In one order whoever writes them, so that two searches that found the same wait for each other one way round."""
    lines = sorted((row.statement, number, row.id, True) for row in rows for number in row.lines)
    yield insert_all("journal_matchedline", "statement_id uuid, number int, match_id uuid, active bool", lines, tenant)
    entries = sorted((row.account, entry, row.id, True) for row in rows for entry in row.entries)
    yield insert_all(
        "journal_matchedentry", "account_id uuid, entry_id uuid, match_id uuid, active bool", entries, tenant
    )


@stored
class AdjustmentRow(StoredRow):
    """An entry that is proposed; `amount` is what the statement's account is to grow by."""

    id: UUID = column(public="adj")
    statement: UUID = column("statement_id", public="xst", shown="external_statement")
    number: int | None = column(shown="line")
    entry: UUID | None = column(public="ent")
    account: UUID = column(joined="statement.account_id", public="acc")
    counter_account: UUID = column("counter_account_id", public="acc")
    counter_name: str = column(joined="counter_account.name", shown="counter_account_name")
    amount: int = money()
    currency: str = column(joined="counter_account.currency")
    scale: int = column(joined="counter_account.scale")
    reason: str = column()
    status: str = column(changes=True, default="pending")
    proposed_by: str = column()
    proposed_identity: str = column()
    proposed_at: datetime = column()
    decided_by: str | None = column(changes=True, default=None)
    decided_identity: str | None = column(changes=True, default=None)
    decided_at: datetime | None = column(changes=True, default=None)
    decision: str = column(changes=True, default="")
    posted: UUID | None = column(public="ent", changes=True, default=None)

    @property
    def names(self) -> tuple[Hashable, ...]:
        """While it waits, what it is about."""
        return (("waits", *self.item),) if self.status == "pending" else ()

    @property
    def item(self) -> tuple[UUID, int | UUID]:
        """The line or entry that it is about."""
        return self.statement, self.entry or self.number or 0


class AdjustmentStore(TableStore):
    """Adjustments by id, and those of a statement that wait, so that none is proposed twice."""

    rank = LockOrder.ADJUSTMENT
    row = AdjustmentRow
    kinds = frozenset({"adjustment", "adjustments_of"})
    table = "journal_externaladjustment"
    joins = """
    JOIN journal_externalstatement AS statement ON statement.id = stored.statement_id
    JOIN accounts_account AS counter_account ON counter_account.id = stored.counter_account_id
    """

    def prepare(self, wants: Wants, look: Look) -> None:
        """Want the accounts that a wanted adjustment would move, and the line or entry that it is about."""
        keys = list(wants.refs.get("adjustment", ()))
        if not keys:
            return
        for statement, number, entry, account, counter in look(_CONCERNED, (wants.tenant, keys)):
            wants.add("external_statement", statement)
            wants.add("external_item", (statement, entry if number is None else number))
            wants.add("account", account)
            wants.add("account", counter)

    def reading(self, wants: Wants) -> Query | None:
        refs = wants.refs
        return self.columns.locked(
            wants.tenant,
            "(stored.id = ANY(%s::uuid[]) OR (stored.statement_id = ANY(%s::uuid[]) AND stored.status = 'pending'))",
            list(refs.get("adjustment", ())),
            list(refs.get("adjustments_of", ())),
        )


_MATCHED = """
ARRAY(SELECT number FROM journal_matchedline WHERE match_id = stored.id ORDER BY number),
ARRAY(SELECT entry_id FROM journal_matchedentry WHERE match_id = stored.id ORDER BY entry_id)
"""
_CONCERNED = """
SELECT adjustment.statement_id, adjustment.number, adjustment.entry, statement.account_id,
       adjustment.counter_account_id
  FROM journal_externaladjustment AS adjustment
  JOIN journal_externalstatement AS statement ON statement.id = adjustment.statement_id
 WHERE adjustment.tenant_id = %s AND adjustment.id = ANY(%s::uuid[])
"""
