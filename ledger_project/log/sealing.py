"""The sealer: committed events get their places in one Merkle tree, under a signed checkpoint.

A pass seals exactly the events that one database snapshot sees and the snapshot of the checkpoint before it did not.
That is the commit order itself: a transaction that was still open is in the difference of a later pair, however late
it commits and however low its id, so nothing is stepped over and nothing waits for it; and a snapshot that sees a
posting sees all that its balance was built on, so no checkpoint ever covers version 6 of an account without version 5.

Leaves and the checkpoint over them are one transaction: what has a log index is proven, and there is nothing between.
Posting takes no lock that the sealer holds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, transaction

from ledger_project.kernel import canonical, clock, merkle, notes
from ledger_project.kernel.notes import MalformedNote, Signer, UnverifiedNote
from ledger_project.log import comparison, documents, fence, findings, sealer, signing, tolerant_read, tree
from ledger_project.log.models import Checkpoint
from ledger_project.log.sealer import SEALER, look
from ledger_project.log.tree import Growing, LogAltered

LOCK = 0x6C6F67  # "log": one sealer at a time in a database
BATCH = 2000  # events in memory at once
NOTHING_SEEN = "1:1:"  # the snapshot before the first


@dataclass(frozen=True, slots=True)
class Pass:
    """What one pass did; `busy` if another sealer is at work."""

    sealed: int = 0
    busy: bool = False


def seal() -> Pass:
    """Seal what has been committed, and sign.

    Raises NoSealer, NoSigningKey, LogAltered; all leave everything as it was.
    """
    sealer.require()
    signer = signing.signer()
    with findings.noted(), transaction.atomic(SEALER):
        if not take_turn():
            return Pass(busy=True)
        comparison.look_back()
        fence.require_open(look)
        fence.take_into_use()
        signing.take_into_use(signer)
        done, size = _pass(signer)
    fence.remember(size)
    return done


def take_turn() -> bool:
    """Become the one sealer until the transaction ends."""
    ((taken,),) = look("SELECT pg_try_advisory_xact_lock(%s)", (LOCK,))
    return bool(taken)


def newest(using: str = DEFAULT_DB_ALIAS) -> Checkpoint | None:
    """The head of the log; None before the first pass."""
    return Checkpoint.objects.using(using).order_by("-id").first()


def _pass(signer: Signer) -> tuple[Pass, int]:
    """What was done, and how many leaves there are then."""
    head = newest(SEALER)
    growing = grow_from(head, [signer.verifier.public_key])
    start = growing.size
    ((snapshot,),) = look("SELECT pg_current_snapshot()::text", ())
    # A pass is small beside the log. The planner, whose statistics lag behind, must not read whole tables for it.
    look("SET LOCAL enable_seqscan = off", ())
    with psycopg.ServerCursor(sealer.connection(), "unsealed") as cursor:
        cursor.execute(*_unsealed(head, snapshot))
        while events := [event for (event,) in cursor.fetchmany(BATCH)]:
            _append(growing, events)
    findings.settle()
    if head is None or growing.size > start or _is_due(head, signer):
        _sign(growing, signer, snapshot)
    return Pass(sealed=growing.size - start), growing.size


def grow_from(head: Checkpoint | None, keys: Sequence[bytes]) -> Growing:
    """The tree that was signed last, if it is what the rows hold: signing over any other would hide what happened."""
    ((leaves,),) = look("SELECT coalesce(max(log_index) + 1, 0) FROM log_leaf", ())
    size = head.size if head else 0
    if leaves != size:
        raise LogAltered(f"there are {leaves} leaves and the checkpoint covers {size}")
    growing = Growing(size, tree.read(merkle.peaks(size), look))
    if head:
        require_signed(head.note, keys, size=size, root=growing.root())
    return growing


def require_signed(note: str, keys: Sequence[bytes], *, size: int, root: bytes) -> None:
    """Raises LogAltered unless one of the keys has signed that the tree of this size has this root."""
    try:
        checkpoint = signing.open_note(note, keys)
    except (MalformedNote, UnverifiedNote) as error:
        raise LogAltered(f"the checkpoint of {size} leaves is not the log's: {error}") from error
    if (checkpoint.size, checkpoint.root) != (size, root):
        raise LogAltered(f"the first {size} leaves are not those that were signed")


def _is_due(head: Checkpoint, signer: Signer) -> bool:
    """A log that does not grow is signed again now and then, which shows that it has not; a renamed one at once."""
    old = clock.now() - head.recorded_at >= timedelta(seconds=settings.CHECKPOINT_MAX_AGE)
    return old or not head.note.startswith(f"{signer.name}\n")


def _unsealed(head: Checkpoint | None, snapshot: str) -> tuple[str, dict[str, Any]]:
    """The query for events to seal, in the order in which they were recorded: that of their ids."""
    seen = head.snapshot if head else NOTHING_SEEN
    _, before, running = seen.split(":")
    _, after, _ = snapshot.split(":")
    parameters = {
        "snapshot": snapshot,
        "before": before,
        "after": after,
        "running": [xid for xid in running.split(",") if xid],
    }
    # Transaction ids that go back are those of another server: the database was restored from a dump. Its rows may
    # carry ids of the future, so this once every event is looked at.
    restored = head is None or int(after) < int(before)
    return (_ALL if restored else _SINCE), parameters


_ORDERED = """
SELECT found.id FROM (%s
  UNION SELECT finding.event_id FROM log_sealingfinding AS finding
         WHERE finding.resolved_at IS NULL AND finding.event_id IS NOT NULL) AS found
 WHERE NOT EXISTS (SELECT FROM log_leaf AS leaf WHERE leaf.event_id = found.id)
 ORDER BY found.id
"""
_SINCE = (
    _ORDERED
    % """
        SELECT id FROM log_event WHERE insert_xid >= %(before)s::xid8 AND insert_xid < %(after)s::xid8
           AND pg_visible_in_snapshot(insert_xid, %(snapshot)s::pg_snapshot)
  UNION SELECT id FROM log_event WHERE insert_xid = ANY(%(running)s::xid8[])
           AND pg_visible_in_snapshot(insert_xid, %(snapshot)s::pg_snapshot)"""
)
_ALL = (
    _ORDERED
    % """
        SELECT id FROM log_event WHERE insert_xid >= pg_snapshot_xmax(pg_current_snapshot())
            OR pg_visible_in_snapshot(insert_xid, %(snapshot)s::pg_snapshot)"""
)


def _append(growing: Growing, events: Sequence[UUID]) -> None:
    """Make leaves of the events whose rows are still what was hashed when they were posted."""
    read = tolerant_read.read(events, look)
    leaves, altered = [], []
    for event in events:
        document, posted = read[event]
        if is_as_posted(document, posted):
            leaves.append((event, int(document["tenant"][4:]), merkle.leaf_hash(posted)))
        else:
            altered.append(event)
    for event in altered:
        findings.note("content_mismatch", event=event)
    if leaves:
        _store(growing, leaves)


def is_as_posted(document: documents.Document, posted: bytes) -> bool:
    """Whether an event read back from its rows is the one that was hashed."""
    try:
        return canonical.content_hash(document) == posted
    except (TypeError, ValueError):  # what cannot be hashed cannot be what was
        return False


def _store(growing: Growing, leaves: Sequence[tuple[UUID, int, bytes]]) -> None:
    events, tenants, hashes = (list(column) for column in zip(*leaves, strict=True))
    indexes = list(range(growing.size, growing.size + len(leaves)))
    subtrees = growing.append(hashes)
    look(_LEAVES, (indexes, tenants, events, hashes))
    if subtrees:
        look(_NODES, [list(column) for column in zip(*subtrees, strict=True)])


_LEAVES = """
INSERT INTO log_leaf (log_index, tenant_id, event_id, leaf_hash)
SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::uuid[], %s::bytea[])
"""
_NODES = "INSERT INTO log_node (level, index, hash) SELECT * FROM unnest(%s::smallint[], %s::bigint[], %s::bytea[])"


def _sign(growing: Growing, signer: Signer, snapshot: str) -> None:
    root = growing.root()
    checkpoint = notes.Checkpoint(signer.name, growing.size, root)
    note = notes.sign_checkpoint(checkpoint, [signer], time=int(clock.now().timestamp()))
    store_checkpoint(growing.size, root, note, snapshot)


def store_checkpoint(size: int, root: bytes, note: str, snapshot: str) -> None:
    look(
        "INSERT INTO log_checkpoint (size, root, note, snapshot) VALUES (%s, %s, %s, %s)", (size, root, note, snapshot)
    )
