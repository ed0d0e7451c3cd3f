"""The sealed log as a Redis Stream, `ledger:events`, for consumers inside the deployment: all tenants, newest events.

An entry's id is `<log_index>-1`, so the stream itself says where it ends, nothing is in it twice, and a consumer can go
on in the feed where the stream is too short for it. The stream holds about `EVENT_STREAM_LENGTH` events and nothing
that is not in PostgreSQL: when Redis loses it, what it would hold by now is put back.
"""

from typing import Any

import redis
from django.conf import settings
from django.db import connection

from ledger_project.log import feed
from ledger_project.log.executor import look
from ledger_project.log.feed import Sealed
from ledger_project.webhooks import messages

STREAM = "ledger:events"
OUTLET = "redis"
PAGE = 500
PAGES = 20  # of one run; the next one goes on


class StreamAhead(Exception):
    """The stream has events that this log has not: Redis serves another ledger too, or the database was restored."""


def publish() -> int:
    """Append what was sealed since; how many events. Raises StreamAhead."""
    published = 0
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        start = _start(client)
        for _ in range(PAGES):
            events = feed.read(start - 1, PAGE)
            if not events:
                break
            _append(client, events)
            start = events[-1].log_index + 1
            with connection.cursor() as cursor:
                cursor.execute(_ADVANCE, (start, OUTLET))
            published += len(events)
    return published


def _start(client: redis.Redis) -> int:
    """The index to go on with: where the stream ends, or where it must begin to be as long as it may be."""
    head, end = feed.head(), _end(client)
    if end is not None and end > head:
        raise StreamAhead(f"the stream {STREAM} ends at {end} and the log at {head}: delete the stream if it is ours")
    ((next_index,),) = look("SELECT next_index FROM webhooks_outlet WHERE name = %s", (OUTLET,))
    resume = end + 1 if end is not None else next_index - settings.EVENT_STREAM_LENGTH
    return max(0, resume, head + 1 - settings.EVENT_STREAM_LENGTH)


def _end(client: redis.Redis) -> int | None:
    """The log index of the newest entry; None where there is no stream."""
    try:
        found: dict[str, Any] = client.xinfo_stream(STREAM)
    except redis.ResponseError:
        return None  # no such key
    return int(found["last-generated-id"].partition(b"-")[0])


def _append(client: redis.Redis, events: list[Sealed]) -> None:
    pipeline = client.pipeline(transaction=False)
    for event in events:
        fields: dict[Any, Any] = {
            "log_index": event.log_index,
            "tenant": event.document["tenant"],
            "type": event.document["type"],
            "event": event.document["id"],
            "data": messages.line(event),
        }
        pipeline.xadd(STREAM, fields, id=f"{event.log_index}-1", maxlen=settings.EVENT_STREAM_LENGTH, approximate=True)
    for outcome in pipeline.execute(raise_on_error=False):
        # Another publisher was a moment faster with the same event.
        if isinstance(outcome, Exception) and "equal or smaller" not in str(outcome):
            raise outcome


_ADVANCE = "UPDATE webhooks_outlet SET next_index = GREATEST(next_index, %s) WHERE name = %s"
