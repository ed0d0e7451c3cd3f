"""Statements of others to read: how far each is reconciled, and what is still open on both sides."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.db.models import F, OuterRef, Q, QuerySet, Subquery, TextField, Value
from django.db.models.functions import Coalesce

from accounts.rows import DEBIT_NORMAL
from journal.external.decisions import AdjustmentRow, MatchRow
from journal.external.errors import ExternalStatementNotFound
from journal.external.models import ExternalAdjustment, ExternalLine, ExternalMatch, ExternalStatement, MatchedLine
from journal.external.rows import SIGN, StatementRow
from ledger_project.kernel import ids
from ledger_project.log.documents import load_json
from ledger_project.log.executor import look

OPEN = "open"
STATES = (OPEN, *ExternalMatch.Kind.values)


def statements(tenant: int) -> QuerySet[ExternalStatement]:
    """Without their files, which are long."""
    return ExternalStatement.objects.filter(tenant=tenant).select_related("account").defer("content")


def statement(tenant: int, ref: str) -> ExternalStatement:
    """Refuses: ExternalStatementNotFound."""
    key = ids.read("xst", ref)
    found = statements(tenant).filter(pk=key).first() if key else None
    if found is None:
        raise ExternalStatementNotFound(external_statement=ref[:300])
    return found


def statement_document(row: ExternalStatement) -> dict[str, Any]:
    account = row.account
    return StatementRow(
        id=row.pk,
        account=account.pk,
        account_name=account.name,
        sign=1 if account.type in DEBIT_NORMAL else -1,
        currency=account.currency,
        scale=account.scale,
        name=row.name,
        format=row.format,
        sha256=row.sha256,
        count=row.lines,
        first_date=row.first_date,
        last_date=row.last_date,
        money_in=int(row.money_in),
        money_out=int(row.money_out),
        opening=None if row.opening is None else int(row.opening),
        closing=None if row.closing is None else int(row.closing),
        uploaded_at=row.uploaded_at,
    ).document()


def progress(row: ExternalStatement) -> dict[str, dict[str, str | int]]:
    """By state, how many lines there are and what came in and went out by them."""
    told: dict[str, dict[str, str | int]] = {}
    for state, count, money_in, money_out in look(_PROGRESS, (row.pk,)):
        told[state] = {"lines": count, "money_in": str(money_in), "money_out": str(money_out)}
    nothing: dict[str, str | int] = {"lines": 0, "money_in": "0", "money_out": "0"}
    return {state: told.get(state, nothing) for state in STATES}


def lines(row: ExternalStatement, state: str | None = None) -> "QuerySet[Any]":
    """The lines with the match that each is in, as `match` and `state`."""
    active = MatchedLine.objects.filter(statement=OuterRef("statement"), number=OuterRef("number"), active=True)
    found: QuerySet[Any] = ExternalLine.objects.filter(statement=row.pk).annotate(
        match=Subquery(active.values("match_id")[:1]),
        state=Coalesce(Subquery(active.values("match__kind")[:1]), Value(OPEN), output_field=TextField()),
    )
    return found.filter(state=state) if state else found


def line_document(line: Any) -> dict[str, Any]:
    return {
        "line": line.number,
        "date": line.date.isoformat(),
        "amount": str(int(line.amount)),
        "reference": line.reference,
        "description": line.description,
        "state": line.state,
        "external_match": line.match and ids.show("xmt", line.match),
    }


class OpenEntries:
    """The account's entries on the days of a statement that are in no match, newest first; a `Keyset`."""

    def __init__(self, row: ExternalStatement) -> None:
        self.row = row

    def page(self, after: list[Any] | None, limit: int) -> tuple[list[dict[str, Any]], list[Any] | None]:
        found = look(
            _OPEN_ENTRIES,
            (self.row.pk, self.row.tenant_id, UUID(after[0]) if after else UUID(int=2**128 - 1), limit + 1),
        )
        shown = [_entry_document(*record) for record in found[:limit]]
        return shown, [str(found[limit - 1][0])] if len(found) > limit else None


def _entry_document(entry: UUID, kind: str, day: Any, amount: Any, description: str, references: str) -> dict[str, Any]:
    return {
        "entry": ids.show("ent", entry),
        "kind": kind,
        "date": day.isoformat(),
        "amount": str(int(amount)),
        "description": description,
        "references": load_json(references),
    }


def matches(row: ExternalStatement) -> QuerySet[ExternalMatch]:
    """Also those that were undone."""
    found = ExternalMatch.objects.filter(statement=row.pk)
    return found.select_related("statement").prefetch_related("matched_lines", "matched_entries")


def match_document(match: ExternalMatch) -> dict[str, Any]:
    return MatchRow(
        id=match.pk,
        statement=match.statement_id,
        account=match.statement.account_id,
        kind=match.kind,
        how=match.how,
        reason=match.reason,
        difference=int(match.difference),
        tolerance=int(match.tolerance),
        created_at=match.created_at,
        undone_at=match.undone_at,
        lines=sorted(each.number for each in match.matched_lines.all()),
        entries=sorted(each.entry_id for each in match.matched_entries.all()),
    ).document()


def adjustments(tenant: int) -> QuerySet[ExternalAdjustment]:
    return ExternalAdjustment.objects.filter(tenant=tenant).select_related("statement", "counter_account")


def adjustment_document(row: ExternalAdjustment) -> dict[str, Any]:
    counter = row.counter_account
    return AdjustmentRow(
        id=row.pk,
        statement=row.statement_id,
        number=row.number,
        entry=row.entry,
        account=row.statement.account_id,
        counter_account=counter.pk,
        counter_name=counter.name,
        currency=counter.currency,
        scale=counter.scale,
        amount=int(row.amount),
        reason=row.reason,
        status=row.status,
        proposed_by=row.proposed_by,
        proposed_identity=row.proposed_identity,
        proposed_at=row.proposed_at,
        decided_by=row.decided_by,
        decided_identity=row.decided_identity,
        decided_at=row.decided_at,
        decision=row.decision,
        posted=row.posted,
    ).document()


def everything_open(row: ExternalStatement) -> Iterator[dict[str, Any]]:
    """All open entries, page by page."""
    after: list[Any] | None = None
    while True:
        shown, after = OpenEntries(row).page(after, 1000)
        yield from shown
        if after is None:
            return


def waiting(row: ExternalStatement) -> QuerySet[ExternalAdjustment]:
    """The adjustments that nobody has decided."""
    return adjustments(row.tenant_id).filter(Q(status="pending"), statement=row.pk).order_by(F("id"))


_PROGRESS = """
SELECT coalesce(match.kind, 'open'), count(*), coalesce(sum(line.amount) FILTER (WHERE line.amount > 0), 0),
       coalesce(-sum(line.amount) FILTER (WHERE line.amount < 0), 0)
  FROM journal_externalline AS line
  LEFT JOIN journal_matchedline AS part
    ON part.statement_id = line.statement_id AND part.number = line.number AND part.active
  LEFT JOIN journal_externalmatch AS match ON match.id = part.match_id
 WHERE line.statement_id = %s GROUP BY 1
"""
_OPEN_ENTRIES = f"""
SELECT entry.id, entry.kind, (entry.effective_at AT TIME ZONE 'UTC')::date, moved.amount * {SIGN},
       entry.description, entry."references"
  FROM journal_externalstatement AS statement
  JOIN accounts_account AS account ON account.id = statement.account_id
 CROSS JOIN LATERAL (
       SELECT posting.entry_id, sum(posting.amount) AS amount
         FROM journal_posting AS posting JOIN journal_entry AS entry ON entry.id = posting.entry_id
        WHERE posting.account_id = statement.account_id
          AND entry.effective_at >= statement.first_date::timestamp AT TIME ZONE 'UTC'
          AND entry.effective_at < (statement.last_date + 1)::timestamp AT TIME ZONE 'UTC'
          AND NOT EXISTS (SELECT FROM journal_matchedentry AS taken
                           WHERE taken.account_id = statement.account_id AND taken.entry_id = posting.entry_id
                             AND taken.active)
        GROUP BY posting.entry_id HAVING sum(posting.amount) <> 0) AS moved
  JOIN journal_entry AS entry ON entry.id = moved.entry_id
 WHERE statement.id = %s AND statement.tenant_id = %s AND entry.id < %s
 ORDER BY entry.id DESC LIMIT %s
"""
