"""Reconciliations: asked for by people and the clock, and told of where something does not match."""

from accounts.books import AccountBooks
from journal.errors import AlreadyReported, ReconciliationMatched, ReconciliationNotFound, ReconciliationUnderWay
from journal.fields import ReconciliationId
from journal.reconciliation.rows import OPEN, WANT_OPEN, ReconciliationRow
from ledger_project.kernel import ids
from ledger_project.kernel.fields import LongText
from ledger_project.log.command import command


@command(
    event="reconciliation.requested",
    refuses=(ReconciliationUnderWay,),
    also_wants=lambda call: [WANT_OPEN],
)
def request_reconciliation(books: AccountBooks, *, reason: LongText | None = None) -> None:
    """Have all checks of your books run, soon; what they find is read from the reconciliation."""
    waiting = books.find(ReconciliationRow, OPEN)
    if waiting is not None:
        raise ReconciliationUnderWay(reconciliation=ids.show("rec", waiting.id))
    row = ReconciliationRow(
        id=books.new_id(), requested_by=books.caller.actor, reason=reason or "", requested_at=books.now
    )
    books.result["reconciliation"] = books.add(row, OPEN).document()


@command(
    event="reconciliation.mismatched",
    refuses=(ReconciliationNotFound, ReconciliationMatched, AlreadyReported),
    internal=True,
)
def report_mismatch(books: AccountBooks, *, reconciliation: ReconciliationId) -> None:
    """Say in the log that a reconciliation found differences, with their number by check; the worker does, once."""
    row = books.find(ReconciliationRow, reconciliation)
    shown = ids.show("rec", reconciliation)
    if row is None:
        raise ReconciliationNotFound(reconciliation=shown)
    if not row.mismatches:
        raise ReconciliationMatched(reconciliation=shown, state=row.status)
    if row.reported_at is not None:
        raise AlreadyReported(reconciliation=shown)
    row.reported_at, row.changed = books.now, True
    books.result["reconciliation"] = row.document()
