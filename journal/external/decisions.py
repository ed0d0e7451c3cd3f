"""What was decided about lines and entries, as the executor sees it: matches, and adjustments that wait for a yes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from ledger_project.kernel import clock, ids
from ledger_project.log.lock_order import LockOrder
from ledger_project.log.unit import Batch, Look, Query, Row, Store, Wants


@dataclass(slots=True)
class MatchRow(Row):
    """Lines of a statement and entries of its account that belong together, or that a person explained."""

    id: UUID
    statement: UUID
    account: UUID
    kind: str
    how: str
    reason: str
    difference: int
    tolerance: int
    created_at: datetime
    undone_at: datetime | None
    lines: list[int]
    entries: list[UUID]

    @property
    def key(self) -> UUID:
        return self.id

    def copy(self) -> "MatchRow":
        return replace(self)

    def document(self) -> dict[str, Any]:
        return {
            "id": ids.show("xmt", self.id),
            "external_statement": ids.show("xst", self.statement),
            "kind": self.kind,
            "how": self.how,
            "reason": self.reason,
            "lines": self.lines,
            "entries": [ids.show("ent", entry) for entry in self.entries],
            "difference": str(self.difference),
            "created_at": clock.stamp(self.created_at),
            "undone_at": self.undone_at and clock.stamp(self.undone_at),
        }


class MatchStore(Store):
    """Matches are locked by id, before adjustments and before everything that holds money."""

    rank = LockOrder.EXTERNAL_MATCH
    row = MatchRow
    kinds = frozenset({"external_match"})
    leads = frozenset({"reconciled_entry"})  # an entry that is only named; nothing is locked by it

    def reading(self, wants: Wants) -> Query | None:
        return _MATCHES, (wants.tenant, list(wants.refs["external_match"]))

    def load(self, records: Iterable[Sequence[Any]], batch: Batch, wants: Wants) -> None:
        for record in records:
            batch.load(MatchRow(*record))

    def writing(self, rows: list[MatchRow], tenant: int, now: datetime) -> Iterable[Query]:
        made, undone = [row for row in rows if row.new], [row for row in rows if not row.new]
        if made:
            yield from _made(made, tenant)
        if undone:
            keys = [row.id for row in undone]
            yield "UPDATE journal_externalmatch SET undone_at = %s WHERE id = ANY(%s::uuid[])", (now, keys)
            for table in ("journal_matchedline", "journal_matchedentry"):
                yield f"UPDATE {table} SET active = false WHERE match_id = ANY(%s::uuid[])", (keys,)


def _made(rows: list[MatchRow], tenant: int) -> Iterable[Query]:
    yield (
        "INSERT INTO journal_externalmatch"
        " (tenant_id, id, statement_id, kind, how, reason, difference, tolerance, created_at, undone_at)"
        " SELECT %s, * FROM unnest(%s::uuid[], %s::uuid[], %s::text[], %s::text[], %s::text[], %s::text[]::numeric[],"
        " %s::text[]::numeric[], %s::timestamptz[], %s::timestamptz[])",
        (
            tenant,
            [row.id for row in rows],
            [row.statement for row in rows],
            [row.kind for row in rows],
            [row.how for row in rows],
            [row.reason for row in rows],
            [str(row.difference) for row in rows],
            [str(row.tolerance) for row in rows],
            [row.created_at for row in rows],
            [row.undone_at for row in rows],
        ),
    )
    # In one order whoever writes them, so that two searches that found the same wait for each other one way round.
    lines = sorted((row.statement, number, row.id) for row in rows for number in row.lines)
    yield (
        "INSERT INTO journal_matchedline (tenant_id, statement_id, number, match_id, active)"
        " SELECT %s, *, true FROM unnest(%s::uuid[], %s::int[], %s::uuid[])",
        (tenant, [line[0] for line in lines], [line[1] for line in lines], [line[2] for line in lines]),
    )
    entries = sorted((row.account, entry, row.id) for row in rows for entry in row.entries)
    yield (
        "INSERT INTO journal_matchedentry (tenant_id, account_id, entry_id, match_id, active)"
        " SELECT %s, *, true FROM unnest(%s::uuid[], %s::uuid[], %s::uuid[])",
        (tenant, [each[0] for each in entries], [each[1] for each in entries], [each[2] for each in entries]),
    )


@dataclass(slots=True)
class AdjustmentRow(Row):
    """An entry that is proposed; `amount` is what the statement's account is to grow by."""

    id: UUID
    statement: UUID
    number: int | None
    entry: UUID | None
    account: UUID
    counter_account: UUID
    counter_name: str
    currency: str
    scale: int
    amount: int
    reason: str
    status: str
    proposed_by: str
    proposed_identity: str
    proposed_at: datetime
    decided_by: str | None = None
    decided_identity: str | None = None
    decided_at: datetime | None = None
    decision: str = ""
    posted: UUID | None = None

    @property
    def key(self) -> UUID:
        return self.id

    @property
    def item(self) -> tuple[UUID, int | UUID]:
        """The line or entry that it is about."""
        return self.statement, self.entry or self.number or 0

    def copy(self) -> "AdjustmentRow":
        return replace(self)

    def document(self) -> dict[str, Any]:
        return {
            "id": ids.show("adj", self.id),
            "external_statement": ids.show("xst", self.statement),
            "line": self.number,
            "entry": self.entry and ids.show("ent", self.entry),
            "account": ids.show("acc", self.account),
            "counter_account": ids.show("acc", self.counter_account),
            "counter_account_name": self.counter_name,
            "amount": str(self.amount),
            "currency": self.currency,
            "scale": self.scale,
            "reason": self.reason,
            "status": self.status,
            "proposed_by": self.proposed_by,
            "proposed_identity": self.proposed_identity,
            "proposed_at": clock.stamp(self.proposed_at),
            "decided_by": self.decided_by,
            "decided_identity": self.decided_identity,
            "decided_at": self.decided_at and clock.stamp(self.decided_at),
            "decision": self.decision,
            "posted": self.posted and ids.show("ent", self.posted),
        }


class AdjustmentStore(Store):
    """Adjustments by id, and those of a statement that wait, so that none is proposed twice."""

    rank = LockOrder.ADJUSTMENT
    row = AdjustmentRow
    kinds = frozenset({"adjustment", "adjustments_of"})

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
        return (
            _ADJUSTMENTS,
            (wants.tenant, list(refs.get("adjustment", ())), list(refs.get("adjustments_of", ()))),
        )

    def load(self, records: Iterable[Sequence[Any]], batch: Batch, wants: Wants) -> None:
        for record in records:
            row = AdjustmentRow(*record)
            if row.status == "pending":
                batch.load(row, ("waits", *row.item))
            else:
                batch.load(row)

    def writing(self, rows: list[AdjustmentRow], tenant: int, now: datetime) -> Iterable[Query]:
        proposed, decided = [row for row in rows if row.new], [row for row in rows if not row.new]
        if proposed:
            yield (
                "INSERT INTO journal_externaladjustment (tenant_id, decision, id, statement_id, number, entry,"
                " counter_account_id, amount, reason, status, proposed_by, proposed_identity, proposed_at)"
                " SELECT %s, '', * FROM unnest(%s::uuid[], %s::uuid[], %s::int[], %s::uuid[], %s::uuid[],"
                " %s::text[]::numeric[], %s::text[], %s::text[], %s::text[], %s::text[], %s::timestamptz[])",
                (
                    tenant,
                    [row.id for row in proposed],
                    [row.statement for row in proposed],
                    [row.number for row in proposed],
                    [row.entry for row in proposed],
                    [row.counter_account for row in proposed],
                    [str(row.amount) for row in proposed],
                    [row.reason for row in proposed],
                    [row.status for row in proposed],
                    [row.proposed_by for row in proposed],
                    [row.proposed_identity for row in proposed],
                    [row.proposed_at for row in proposed],
                ),
            )
        if decided:
            yield (
                "UPDATE journal_externaladjustment AS old SET status = new.status, decided_by = new.decided_by,"
                " decided_identity = new.decided_identity, decided_at = new.decided_at, decision = new.decision,"
                " posted = new.posted"
                " FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::text[], %s::timestamptz[], %s::text[],"
                " %s::uuid[]) AS new (id, status, decided_by, decided_identity, decided_at, decision, posted)"
                " WHERE old.id = new.id",
                (
                    [row.id for row in decided],
                    [row.status for row in decided],
                    [row.decided_by for row in decided],
                    [row.decided_identity for row in decided],
                    [row.decided_at for row in decided],
                    [row.decision for row in decided],
                    [row.posted for row in decided],
                ),
            )


_MATCHES = """
SELECT match.id, match.statement_id, statement.account_id, match.kind, match.how, match.reason, match.difference,
       match.tolerance, match.created_at, match.undone_at,
       ARRAY(SELECT number FROM journal_matchedline WHERE match_id = match.id ORDER BY number),
       ARRAY(SELECT entry_id FROM journal_matchedentry WHERE match_id = match.id ORDER BY entry_id)
  FROM journal_externalmatch AS match JOIN journal_externalstatement AS statement ON statement.id = match.statement_id
 WHERE match.tenant_id = %s AND match.id = ANY(%s::uuid[]) ORDER BY match.id FOR NO KEY UPDATE OF match
"""
_CONCERNED = """
SELECT adjustment.statement_id, adjustment.number, adjustment.entry, statement.account_id,
       adjustment.counter_account_id
  FROM journal_externaladjustment AS adjustment
  JOIN journal_externalstatement AS statement ON statement.id = adjustment.statement_id
 WHERE adjustment.tenant_id = %s AND adjustment.id = ANY(%s::uuid[])
"""
_ADJUSTMENTS = """
SELECT adjustment.id, adjustment.statement_id, adjustment.number, adjustment.entry, statement.account_id,
       adjustment.counter_account_id, counter.name, counter.currency, counter.scale, adjustment.amount,
       adjustment.reason, adjustment.status, adjustment.proposed_by, adjustment.proposed_identity,
       adjustment.proposed_at, adjustment.decided_by, adjustment.decided_identity, adjustment.decided_at,
       adjustment.decision, adjustment.posted
  FROM journal_externaladjustment AS adjustment
  JOIN journal_externalstatement AS statement ON statement.id = adjustment.statement_id
  JOIN accounts_account AS counter ON counter.id = adjustment.counter_account_id
 WHERE adjustment.tenant_id = %s AND (adjustment.id = ANY(%s::uuid[])
       OR (adjustment.statement_id = ANY(%s::uuid[]) AND adjustment.status = 'pending'))
 ORDER BY adjustment.id FOR NO KEY UPDATE OF adjustment
"""
