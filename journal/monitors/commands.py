"""Monitors: told once each time a balance crosses a line."""

from accounts.books import AccountBooks
from accounts.errors import AccountNotFound
from accounts.fields import AccountRef, BucketName
from accounts.rows import BUCKETS
from journal.errors import AlreadyTriggered, MonitorNotCrossed, MonitorNotFound, TooManyMonitors
from journal.fields import AnyAmount, CrossingEntry, MonitorId, Operator
from journal.monitors.rows import SLOTS, Crossing, MonitorRow, crosses
from ledger_project.kernel import ids
from ledger_project.log.command import command


@command(
    event="monitor.registered",
    refuses=(AccountNotFound, TooManyMonitors),
    also_wants=lambda call: [("monitors_of", call["account"])],
    own=("account",),
)
def register_monitor(
    books: AccountBooks, *, account: AccountRef, bucket: BucketName = "available", operator: Operator, value: AnyAmount
) -> None:
    """Watch a bucket of an account: each time the comparison with `value` becomes true, one event says so.

    What counts is the order of the log, from this event on; a comparison that is true already is told of when it
    becomes true again.
    """
    facts = books.account(account).facts
    slot = next((n for n in range(SLOTS) if books.find(MonitorRow, ("slot", facts.id, n)) is None), None)
    if slot is None:
        raise TooManyMonitors(account=facts.name, limit=SLOTS)
    row = MonitorRow(
        id=books.new_id(),
        account=facts.id,
        name=facts.name,
        currency=facts.currency,
        scale=facts.scale,
        unbounded=facts.unbounded,
        bucket=BUCKETS[bucket],
        operator=operator,
        value=value,
        created_at=books.now,
        slot=slot,
    )
    books.result["monitor"] = books.add(row, ("slot", facts.id, slot)).document()


@command(event="monitor.deleted", refuses=(MonitorNotFound,), own=())
def delete_monitor(books: AccountBooks, *, monitor: MonitorId) -> None:
    """Watch no more; what was crossed stays in the log."""
    row = _monitor(books, monitor)
    row.deleted_at, row.slot, row.changed = books.now, None, True
    books.result["monitor"] = row.document()


@command(event="monitor.triggered", refuses=(MonitorNotFound, MonitorNotCrossed, AlreadyTriggered), internal=True)
def trigger_monitor(
    books: AccountBooks, *, monitor: MonitorId, entry: CrossingEntry, balance_before: AnyAmount, balance: AnyAmount
) -> None:
    """Say that an entry crossed a monitor; beat does, once for each that did. The balances are those around the entry.

    They are checked against the entry itself. Of an unbounded account no entry knows the whole balance, so there it is
    the difference that is checked.
    """
    row = _monitor(books, monitor)
    move = row.moves.get(entry)
    told = balance_before, balance
    if (
        move is None
        or balance - balance_before != move.delta
        or (told != (move.before, move.after) and not row.unbounded)
        or not crosses(row.operator, row.value, *told)
    ):
        raise MonitorNotCrossed(monitor=ids.show("mon", monitor), entry=ids.show("ent", entry))
    if entry in row.triggered:
        raise AlreadyTriggered(monitor=ids.show("mon", monitor), entry=ids.show("ent", entry))
    crossing = Crossing(books.event_id, row.id, entry, *told, move.version)
    row.crossings.append(crossing)
    row.triggered.add(entry)
    row.triggered_at, row.changed = books.now, True
    books.result["monitor"] = row.document()
    books.result["crossing"] = crossing.document()


def _monitor(books: AccountBooks, key: MonitorId) -> MonitorRow:
    """Refuses: MonitorNotFound."""
    row = books.find(MonitorRow, key)
    if row is None or row.deleted_at is not None:
        raise MonitorNotFound(monitor=ids.show("mon", key))
    return row
