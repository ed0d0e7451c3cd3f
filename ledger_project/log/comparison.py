"""Holding this log to what is kept elsewhere: every checkpoint that an anchor has under its name must be its own.

One that covers more leaves than there are says that the log was cut back, as by a restore; one of its size or less with
another root, that there are two histories under one name. Both are for an operator to judge: that a later note agrees
proves nothing, because a copy that is wrong can sign and send one.

A process reads a sink once and then what was added. Of what it has compared it keeps the largest, and looks at that
every time anew: a root fixes all the leaves below it, so while it stands, all the smaller ones do.
"""

import logging
from collections.abc import Iterable
from contextlib import suppress
from typing import NamedTuple

from django.conf import settings

from ledger_project.kernel import merkle, notes
from ledger_project.kernel.notes import MalformedNote, UnverifiedNote
from ledger_project.log import findings, sealer, signing, tree
from ledger_project.log.sealer import SEALER
from ledger_project.log.signing import NoSigningKey
from ledger_project.log.sinks import START, AnchorFailed, Sink, sinks
from ledger_project.log.tree import LogAltered, LogCutBack, LogForked

BATCH = 100  # roots that are computed from one reading

log = logging.getLogger(__name__)


class Claim(NamedTuple):
    """That the first `size` leaves have this root, and the note that says so."""

    size: int
    root: bytes
    note: str


_compared: dict[tuple[str, str], tuple[str, Claim | None]] = {}  # how far each sink was read, and its largest


def look_back() -> None:
    """Compare when a process begins, when a log does, and when it has fewer leaves than it had: a database that was
    restored must not go on under a name that has promised more. What comes later is for the task that anchors to find.
    Raises LogCutBack, LogForked.
    """
    global _looked_back
    origin, seen = _looked_back
    ((size,),) = sealer.look(_SIZE, ())
    if (origin != settings.LOG_ORIGIN or not size or size < seen) and not findings.contradicted():
        compare_all()
    _looked_back = (settings.LOG_ORIGIN, size)


_looked_back: tuple[str | None, int] = (None, 0)


def compare_all() -> None:
    """Hold the log to every sink that can be read. Raises LogCutBack, LogForked."""
    for sink in sinks():
        try:
            compare(sink)
        except AnchorFailed as failure:
            log.error("the anchor %s cannot be compared: %s", sink.name, failure)


def compare(sink: Sink) -> int:
    """Hold the log to everything that a sink keeps; the size of the largest.

    Raises AnchorFailed, LogCutBack, LogForked. What contradicts the log and is signed by no key of it is no evidence,
    and may be anybody's: then the sink is out of order, and gets nothing, until somebody has looked at it.
    """
    key = (settings.LOG_ORIGIN, sink.url)
    place, largest = _compared.get(key, (START, None))
    while True:
        found, after = sink.kept_since(place)
        claims = [*_claims(sink, found), *([largest] if largest else [])]
        _hold_to(sink, claims)
        largest = max(claims, key=lambda claim: claim.size, default=None)
        if after == place:
            break
        place = after
    _compared[key] = (place, largest)
    return largest.size if largest else 0


def _claims(sink: Sink, kept: Iterable[str]) -> list[Claim]:
    """What notes under the log's name say, once each."""
    claims = {}
    for note in kept:
        if note.startswith(f"{settings.LOG_ORIGIN}\n"):
            try:
                checkpoint = notes.Checkpoint.parse(note.partition("\n\n")[0] + "\n")
            except MalformedNote as error:
                raise AnchorFailed(f"holds what is no checkpoint: {error}") from error
            claims[checkpoint.size, checkpoint.root] = Claim(checkpoint.size, checkpoint.root, note)
    return list(claims.values())


def _hold_to(sink: Sink, claims: list[Claim]) -> None:
    """Raises LogCutBack or LogForked for the first claim that is not true of the log."""
    if not claims:
        return
    ((size,),) = sealer.look(_SIZE, ())
    largest = max(claims, key=lambda claim: claim.size)
    if largest.size > size:
        raise _evident(sink, largest, LogCutBack(_says(sink, largest, size)))
    unknown = _unknown(sink, claims, largest)
    for start in range(0, len(unknown), BATCH):
        some = unknown[start : start + BATCH]
        try:
            nodes = tree.read({peak for claim in some for peak in merkle.peaks(claim.size)}, sealer.look)
        except LogAltered as altered:  # which is no anchor's fault
            raise LogAltered(f"a checkpoint of {sink.name} cannot be compared: {altered}") from altered
        for claim in some:
            if merkle.root(claim.size, nodes) != claim.root:
                raise _evident(sink, claim, LogForked(_says(sink, claim, size)))


def _unknown(sink: Sink, claims: list[Claim], largest: Claim) -> list[Claim]:
    """The largest claim, and those that this database does not remember as delivered: then they were compared."""
    sizes, roots = [claim.size for claim in claims], [claim.root for claim in claims]
    rows = sealer.look(_NOT_DELIVERED, (sizes, roots, sink.name))
    unknown = {(size, bytes(root)) for size, root in rows} | {(largest.size, largest.root)}
    return sorted(claim for claim in claims if (claim.size, claim.root) in unknown)


def _says(sink: Sink, claim: Claim, size: int) -> str:
    return f"{sink.name} holds a checkpoint of {claim.size} leaves; this log of {size} does not extend it"


def _evident(sink: Sink, claim: Claim, contradiction: LogAltered) -> LogAltered:
    """The contradiction, if a key of this log has signed it. Raises AnchorFailed."""
    keys = signing.public_keys(SEALER)
    with suppress(NoSigningKey):
        # A database of before a rotation does not know the key that this process was given.
        keys.append(signing.signer().verifier.public_key)
    try:
        signing.open_note(claim.note, keys)
    except (MalformedNote, UnverifiedNote) as error:
        raise AnchorFailed(f"holds a checkpoint of {claim.size} leaves that is not this log's: {error}") from error
    return contradiction


_SIZE = "SELECT coalesce((SELECT size FROM log_checkpoint ORDER BY id DESC LIMIT 1), 0)"
_NOT_DELIVERED = """
SELECT size, root FROM unnest(%s::bigint[], %s::bytea[]) AS kept (size, root)
EXCEPT
SELECT checkpoint.size, checkpoint.root
  FROM log_anchordelivery AS delivery JOIN log_checkpoint AS checkpoint ON checkpoint.id = delivery.checkpoint_id
 WHERE delivery.sink = %s AND delivery.delivered_at IS NOT NULL
"""
