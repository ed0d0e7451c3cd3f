"""The event feed as Server-Sent Events: `GET /v1/events/stream`.

A stream occupies one of the web process's threads, so a process serves few of them (`EVENT_STREAMS`, half of them to
one tenant at most) and ends each after `EVENT_STREAM_SECONDS`; the client connects again with the index of the last
event that it saw, and misses none. A comment every fifteen seconds shows either side that the other is still there.
The key is asked for again before anything is sent, so a stream ends with it.
"""

import threading
import time
from collections import Counter, deque
from collections.abc import Collection
from typing import Any
from uuid import UUID

import psycopg
from django.conf import settings
from django.db import OperationalError, connection
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema

from ledger_project.kernel.errors import InvalidRequest, UnknownField
from ledger_project.log import documents, feed
from ledger_project.log.feed import Sealed
from ledger_project.web.api.authentication import Principal, authenticate
from ledger_project.web.api.commands import LightView, admit
from ledger_project.web.api.errors import NotAuthenticated
from ledger_project.web.api.permissions import READ
from ledger_project.web.api.sight import Concerned
from ledger_project.webhooks import messages
from ledger_project.webhooks.errors import TooManyStreams

PAGE = 100  # events read at once
POLL = 0.5  # seconds between two looks for new events
HEARTBEAT = 15.0
RECONNECT = 1000  # milliseconds that a client waits before it connects again
RETRY_AFTER = 10  # seconds, for those that find no place


class Places:
    """The streams that this process serves, by tenant."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken: Counter[int] = Counter()

    def take(self, tenant: int) -> None:
        """Refuses: TooManyStreams."""
        most = settings.EVENT_STREAMS
        with self._lock:
            if self._taken.total() >= most or self._taken[tenant] >= max(1, most // 2):
                raise TooManyStreams(limit=most, retry_after=RETRY_AFTER)
            self._taken[tenant] += 1

    def leave(self, tenant: int) -> None:
        with self._lock:
            self._taken[tenant] -= 1
            self._taken += Counter()  # drops zeros


places = Places()


class EventStream:
    """One client's stream. An object, because a generator that is closed before it began would not say so."""

    def __init__(self, request: HttpRequest, principal: Principal, after: int) -> None:
        self._request = request
        self._tenant = principal.tenant
        self._account = principal.account
        self._ref = principal.caller.account_ref
        self._after = after
        self._ends = time.monotonic() + settings.EVENT_STREAM_SECONDS
        self._beats = time.monotonic() + HEARTBEAT
        self._ready: deque[bytes] = deque([f"retry: {RECONNECT}\n: after {after}\n\n".encode()])
        self._open = True
        places.take(self._tenant)

    def __iter__(self) -> "EventStream":
        return self

    def __next__(self) -> bytes:
        while self._is_good() and not self._ready:
            self._fill()
        if not self._open:
            raise StopIteration
        return self._ready.popleft()

    def _is_good(self) -> bool:
        """Whether to go on: the client's next request will be told why not. A key is looked up once in a while."""
        try:
            if self._open and authenticate(self._request) is None:
                self.close()
        except NotAuthenticated:
            self.close()
        except OperationalError:
            connection.close_if_unusable_or_obsolete()
            self.close()
        return self._open

    def close(self) -> None:
        """Give the place back; also when the client is gone."""
        if self._open:
            self._open = False
            places.leave(self._tenant)

    def _fill(self) -> None:
        """Wait for something to send, for a moment."""
        now = time.monotonic()
        if now >= self._ends:
            self.close()
            return
        try:
            events = feed.read(self._after, PAGE, self._tenant)
            if events:
                self._after = events[-1].log_index
                self._ready.extend(show(event, self._account) for event in events if self._concerns(event))
            if not self._ready and now >= self._beats:
                self._beats = now + HEARTBEAT
                # Who is not told of all events learns how far they have come, and goes on there after a break.
                self._ready.append(b": still here\n\n" if self._ref is None else b"id: %d\n\n" % self._after)
            elif not events:
                time.sleep(POLL)
        except psycopg.OperationalError:
            # The database is gone: the client's next request will be told so.
            connection.close_if_unusable_or_obsolete()
            self.close()

    def _concerns(self, event: Sealed) -> bool:
        return self._ref is None or documents.concerns(event.document, self._ref)


def show(event: Sealed, only: UUID | None = None) -> bytes:
    """One event, or as much of it as one account may see; its JSON has no line break."""
    name = event.document["type"].encode()
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (event.log_index, name, messages.line(event, only))


# One message of the stream, as readers of server-sent events have it.
SENT = {
    "type": "object",
    "properties": {
        "id": {"type": "string", "description": "The log index."},
        "event": {"type": "string", "description": "The type."},
        "data": {"type": "string", "description": "The event as JSON."},
        "retry": {"type": "string"},
    },
}


class EventStreamView(LightView):
    """The tenant's events as they are sealed, as Server-Sent Events."""

    refuses = (TooManyStreams,)
    for_account_keys = Concerned()
    light_methods: Collection[str] = ("GET",)

    def serve(self, request: HttpRequest, named: dict[str, str]) -> HttpResponse:
        principal = admit(request)
        principal.caller.require(READ)
        stream = EventStream(request, principal, _after(request))
        response = StreamingHttpResponse(stream, content_type="text/event-stream")
        response.headers["Cache-Control"] = "no-store"
        response.headers["X-Accel-Buffering"] = "no"  # nginx would collect events until its buffer is full
        return response  # type: ignore[return-value]  # a response, if not one with a body at hand

    get: Any = extend_schema(
        operation_id="stream_events",
        responses={(200, "text/event-stream"): SENT},
        parameters=[
            OpenApiParameter("after", int, description="The log index to begin after; -1 is all. Default: what comes."),
            OpenApiParameter(
                "Last-Event-ID", int, OpenApiParameter.HEADER, description="What a reconnecting client sends; it wins."
            ),
        ],
    )(serve)


def _after(request: HttpRequest) -> int:
    """The index to go on after: the header's, else the parameter's, else the newest. Refuses: what is neither."""
    for name, values in request.GET.lists():
        if name != "after":
            raise UnknownField(field=name[:300], reason="not a query parameter of this call")
        if len(values) > 1:
            raise InvalidRequest(field=name, reason="given twice")
    asked = request.GET.get("after")
    after = None if asked is None else _index(asked, "after")
    last_seen = request.headers.get("Last-Event-ID")
    if last_seen:
        return _index(last_seen, "Last-Event-ID")
    return feed.head() if after is None else after


def _index(text: str, name: str) -> int:
    digits = text.removeprefix("-") if text == "-1" else text
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 18):
        raise InvalidRequest(field=name, reason="not a log index")
    return int(text)
