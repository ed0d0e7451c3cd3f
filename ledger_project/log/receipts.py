"""Receipts and proofs: what a caller can check offline, with `ledger-verify` or a program of his own.

All of it stands against the newest checkpoint. A receipt holds one event of the caller's own; of the events of others a
proof shows hashes at most.
"""

from typing import Any
from uuid import UUID

from ledger_project.kernel import ids
from ledger_project.kernel.errors import InvalidRequest
from ledger_project.log import documents, sealing, tree
from ledger_project.log.errors import EventNotFound, EventNotSealed, LogEmpty
from ledger_project.log.executor import look
from ledger_project.log.models import Checkpoint, Leaf

VERSION = 1
MAX_LEAVES = 5000


def head() -> Checkpoint:
    """The newest checkpoint. Refuses: LogEmpty."""
    newest = sealing.newest()
    if newest is None:
        raise LogEmpty()
    return newest


def receipt(event: UUID) -> dict[str, Any]:
    """One sealed event, its place, and the proof of both (`client/README.md`). Refuses: EventNotFound, EventNotSealed.

    It is for the caller to see to it that the event may be shown.
    """
    found = documents.read([event], look).get(event)
    if found is None:
        raise EventNotFound(event=ids.show("evt", event))
    leaf = Leaf.objects.filter(event=event).first()
    if leaf is None:
        raise EventNotSealed(event=ids.show("evt", event))
    # Read after the leaf, so it covers it: leaves are committed with their checkpoint.
    newest = head()
    document, content_hash = found
    return {
        "version": VERSION,
        "event": document,
        "content_hash": content_hash.hex(),
        "log_index": leaf.log_index,
        "inclusion_path": [step.hex() for step in tree.inclusion_path(leaf.log_index, newest.size, look)],
        "checkpoint": newest.note,
    }


def consistency(old: int, new: int | None = None) -> dict[str, Any]:
    """The proof that the log of `new` leaves (default: all) extends that of `old`.

    Refuses: LogEmpty, InvalidRequest.
    """
    size = head().size
    new = size if new is None else _within("to", new, size)
    path = tree.consistency_path(_within("from", old, new), new, look)
    return {"old_size": old, "new_size": new, "path": [step.hex() for step in path]}


def leaves(first: int, end: int | None = None) -> dict[str, Any]:
    """The leaf hashes from index `first` up to, and not including, `end`. Refuses: LogEmpty, InvalidRequest."""
    size = head().size
    end = min(size, first + MAX_LEAVES) if end is None else _within("to", end, size)
    _within("from", first, end)
    if end - first > MAX_LEAVES:
        raise InvalidRequest(field="to", reason=f"more than {MAX_LEAVES} leaves at once")
    rows = look(
        "SELECT leaf_hash FROM log_leaf WHERE log_index >= %s AND log_index < %s ORDER BY log_index", (first, end)
    )
    return {"from": first, "to": end, "size": size, "leaf_hashes": [bytes(value).hex() for (value,) in rows]}


def _within(field: str, value: int, end: int) -> int:
    if value > end:
        raise InvalidRequest(field=field, reason=f"beyond {end}")
    return value
