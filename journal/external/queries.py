"""Statements of others to read: how far each is reconciled, and what is still open on both sides."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.db.models import F, OuterRef, Q, QuerySet, Subquery, TextField, Value
from django.db.models.functions import Coalesce

from journal.external.decisions import AdjustmentStore, MatchStore
from journal.external.errors import ExternalStatementNotFound
from journal.external.models import ExternalAdjustment, ExternalLine, ExternalMatch, ExternalStatement, MatchedLine
from journal.external.rows import SIGN, StatementStore
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
    return StatementStore.columns.of(row).document()


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
    columns = MatchStore.columns.of(match)
    columns.lines = sorted(each.number for each in match.matched_lines.all())
    columns.entries = sorted(each.entry_id for each in match.matched_entries.all())
    return columns.document()


def adjustments(tenant: int) -> QuerySet[ExternalAdjustment]:
    return ExternalAdjustment.objects.filter(tenant=tenant).select_related("statement", "counter_account")


def adjustment_document(row: ExternalAdjustment) -> dict[str, Any]:
    return AdjustmentStore.columns.of(row).document()


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
