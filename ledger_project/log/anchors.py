"""Anchors: checkpoints on their way to places that whoever rules this database cannot rewrite.

A ledger that rewrites its history can sign one that is perfect in itself; only a checkpoint that is kept elsewhere
contradicts it. log/sinks.py has the places.

What is due and how it fared stands in `AnchorDelivery` rows, one at a time per sink, so neither a dead sink nor a dead
worker loses one.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models.functions import Now

from ledger_project.log import comparison, fence, findings, sealer
from ledger_project.log.executor import look
from ledger_project.log.models import AnchorDelivery
from ledger_project.log.sealer import SEALER
from ledger_project.log.sinks import AnchorFailed, Sink, sinks

BACK_OFF = (10, 30, 60, 300, 900, 3600)  # seconds after the first, second … failure


def deliver() -> int:
    """Send each sink the newest checkpoint when it is due; how many took one.

    Every sink is read back first, so that none is sent anything by a log that another one contradicts. Raises
    LogAltered, which is in a finding then.
    """
    with findings.noted():
        kept = [] if findings.contradicted() else [(sink, _largest(sink)) for sink in sinks()]
        fence.require_open(sealer.look)
    return sum(_serve(sink, largest) for sink, largest in kept)


def _largest(sink: Sink) -> int | AnchorFailed:
    """The size of the largest checkpoint that a sink keeps, which this log extends. Raises LogAltered."""
    try:
        return comparison.compare(sink)
    except AnchorFailed as failure:
        return failure


def _serve(sink: Sink, largest: int | AnchorFailed) -> bool:
    _enqueue(sink)
    claimed = sealer.look(_CLAIM, (sink.name,))
    if not claimed:
        return False
    ((delivery_id, attempts, size, note),) = claimed
    delivery = AnchorDelivery.objects.using(SEALER).filter(pk=delivery_id)
    try:
        if isinstance(largest, AnchorFailed):
            raise largest
        if size >= largest:  # else it has a later one, which covers this
            sink.deliver(note)
    except AnchorFailed as failure:
        pause = BACK_OFF[min(attempts, len(BACK_OFF)) - 1]
        later = timedelta(seconds=pause + secrets.randbelow(1 + pause // 5))
        delivery.update(last_error=str(failure), next_attempt_at=Now() + later)
        return False
    delivery.update(delivered_at=Now(), last_error="")
    return True


def _enqueue(sink: Sink) -> None:
    """Note that the newest checkpoint is due, if the one before it went long enough ago and none is on its way."""
    sealer.look(_ENQUEUE, (sink.name, sink.name, settings.ANCHOR_EVERY))


_ENQUEUE = """
INSERT INTO log_anchordelivery (sink, checkpoint_id)
SELECT %s::text, newest.id
  FROM (SELECT id FROM log_checkpoint ORDER BY id DESC LIMIT 1) AS newest
  LEFT JOIN (SELECT checkpoint_id, delivered_at FROM log_anchordelivery WHERE sink = %s
              ORDER BY checkpoint_id DESC LIMIT 1) AS last ON true
 WHERE last.checkpoint_id IS NULL
    OR last.checkpoint_id < newest.id AND last.delivered_at <= now() - make_interval(secs => %s::int)
ON CONFLICT (sink) WHERE delivered_at IS NULL DO NOTHING
"""
# Claimed by its next attempt being put off, so that two workers do not send it at once.
_CLAIM = """
UPDATE log_anchordelivery AS delivery
   SET attempts = delivery.attempts + 1, next_attempt_at = clock_timestamp() + interval '2 minutes'
  FROM log_checkpoint AS checkpoint
 WHERE delivery.sink = %s AND delivery.delivered_at IS NULL AND delivery.next_attempt_at <= clock_timestamp()
   AND checkpoint.id = delivery.checkpoint_id
RETURNING delivery.id, delivery.attempts, checkpoint.size, checkpoint.note
"""


@dataclass(frozen=True, slots=True)
class Anchored:
    """How a sink fares. `stale`: a checkpoint has been waiting for it for longer than it may."""

    sink: str
    size: int | None
    delivered_at: datetime | None
    stale: bool
    last_error: str


def status() -> list[Anchored]:
    """How every configured sink fares."""
    names = [sink.name for sink in sinks()]
    return [Anchored(*row) for row in look(_STATUS, (settings.ANCHOR_MAX_AGE, names))]


_STATUS = """
SELECT sink.name, last.size, last.delivered_at,
       coalesce(waiting.recorded_at < now() - make_interval(secs => %s::int), false), coalesce(pending.last_error, '')
  FROM unnest(%s::text[]) WITH ORDINALITY AS sink (name, place)
  LEFT JOIN LATERAL (
       SELECT checkpoint.id, checkpoint.size, delivery.delivered_at
         FROM log_anchordelivery AS delivery JOIN log_checkpoint AS checkpoint ON checkpoint.id = delivery.checkpoint_id
        WHERE delivery.sink = sink.name AND delivery.delivered_at IS NOT NULL
        ORDER BY delivery.checkpoint_id DESC LIMIT 1) AS last ON true
  LEFT JOIN LATERAL (
       SELECT recorded_at FROM log_checkpoint
        WHERE id > coalesce(last.id, 0) ORDER BY id LIMIT 1) AS waiting ON true
  LEFT JOIN log_anchordelivery AS pending ON pending.sink = sink.name AND pending.delivered_at IS NULL
 ORDER BY sink.place
"""
