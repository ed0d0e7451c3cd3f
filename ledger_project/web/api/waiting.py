"""`?wait=sealed`: answer when the event has its place in the log.

Under our own server (web/serving.py) a call that waits has no thread: its answer is kept, one thread of the process
looks for the places of all of them, and the server sends each when it is complete or its time is over. Other servers
know nothing of it, so there a few calls may wait in their threads. Whoever comes when there is no room is answered at
once, with an event that is recorded and has no place yet, as everybody is who does not wait.
"""

import logging
import threading
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Any
from uuid import UUID

import psycopg
from django.conf import settings
from django.db import DatabaseError, connections
from django.http import HttpRequest, HttpResponse

from ledger_project.log import feed, waking
from ledger_project.web.api.authentication import authenticate
from ledger_project.web.api.errors import NotAuthenticated

# Of the WSGI environment: that the server can keep an answer, and the answer that it is to keep.
CAN_KEEP, KEPT = "ledger.can_keep", "ledger.kept"
FIRST_PAUSE, LONGEST_PAUSE = 0.02, 0.1  # seconds between looks
IN_THREADS = 4  # calls that wait in the threads of a process whose server cannot keep answers
EVENTS = 10_000  # of the calls that wait in one process: as many as ten of the largest batches have

log = logging.getLogger(__name__)


class Waiting:
    """Answers whose events have no place yet; `left` has them by their events.

    It is over when they have one, after SEAL_WAIT seconds, or when the caller's key is revoked or expires: then what
    has no place is shown as recorded. It was accepted, and its place follows.
    """

    def __init__(self, bodies: Sequence[dict[str, Any]], request: HttpRequest) -> None:
        self.left: dict[UUID, list[dict[str, Any]]] = {}  # a batch can name one event several times
        for body in bodies:
            self.left.setdefault(UUID(hex=body["event"]["id"][4:]), []).append(body["event"])
        self.deadline = time.monotonic() + settings.SEAL_WAIT
        self._request = request

    def fill(self, places: dict[UUID, int]) -> None:
        for event in [event for event in self.left if event in places]:
            for shown in self.left.pop(event):
                shown.update(state="sealed", log_index=places[event])

    def is_given_up(self) -> bool:
        return time.monotonic() >= self.deadline or not self._is_good()

    def _is_good(self) -> bool:
        """Whether the caller's key still is; it is looked up every API_KEY_CACHE_SECONDS."""
        try:
            return authenticate(self._request) is not None
        except NotAuthenticated:
            return False


class Later:
    """An answer that the server keeps: until `over` is done, or after the deadline come what may."""

    def __init__(self, waiting: Waiting, over: "Future[None]", reply: Callable[[], HttpResponse]) -> None:
        self.over, self.deadline, self._reply = over, waiting.deadline, reply

    def body(self) -> bytes:
        """As it is now."""
        return self._reply().content


def answer_when_sealed(
    bodies: Sequence[dict[str, Any]], request: HttpRequest, reply: Callable[[], HttpResponse]
) -> HttpResponse:
    """`reply` makes the answer of these bodies, which get the places of their events as they come."""
    waiting = Waiting(bodies, request)
    if waiting.left and not look([waiting]):
        if not request.META.get(CAN_KEEP):
            _wait_here(waiting)
        elif over := _watch.admit(waiting):
            request.META[KEPT] = Later(waiting, over, reply)
    return reply()


def look(calls: Collection[Waiting]) -> list[Waiting]:
    """Fill in what is sealed by now; those calls that are over.

    The first event of each is asked for, and the others of a call when that one is sealed, or the call is given up.
    """
    found = _places(next(iter(call.left)) for call in calls)
    given_up = [call for call in calls if call.is_given_up()]
    moved = [call for call in calls if next(iter(call.left)) in found]
    found |= _places(event for call in {*moved, *given_up} for event in call.left if event not in found)
    for call in calls:
        call.fill(found)
    return list({*given_up, *(call for call in moved if not call.left)})


def _places(events: Iterable[UUID]) -> dict[UUID, int]:
    asked = list(events)
    return feed.indexes(asked) if asked else {}


_threads = threading.BoundedSemaphore(IN_THREADS)


def _wait_here(waiting: Waiting) -> None:
    """In the caller's thread."""
    if not _threads.acquire(blocking=False):
        return
    try:
        pause = FIRST_PAUSE
        while True:
            waking.wake()
            time.sleep(pause)
            if look([waiting]):
                return
            pause = min(2 * pause, LONGEST_PAUSE)
    finally:
        _threads.release()


class Watch:
    """The calls of this process that wait without a thread, and the one thread that looks for all of them."""

    def __init__(self) -> None:
        self._calls: dict[Waiting, Future[None]] = {}
        self._events = 0
        self._unheard = False  # somebody came for whom the sealer was not woken yet
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def admit(self, call: Waiting) -> "Future[None] | None":
        """What is done when the wait is over; None where there is no room."""
        size = len(call.left)
        with self._changed:
            if self._thread is None or not self._thread.is_alive():  # before there is no room: it makes room
                self._thread = threading.Thread(target=self._run, name="waiting for the log", daemon=True)
                self._thread.start()
            if len(self._calls) >= settings.SEAL_WAITERS or self._events + size > EVENTS:
                return None
            over = self._calls[call] = Future()
            self._events += size
            over.add_done_callback(partial(self._forget, call, size))
            self._unheard = True
            self._changed.notify()
        return over

    def _forget(self, call: Waiting, size: int, over: "Future[None]") -> None:
        with self._changed:
            if self._calls.pop(call, None):
                self._events -= size

    def _run(self) -> None:
        pause = FIRST_PAUSE
        while True:
            with self._changed:
                while not self._calls:
                    self._changed.wait()
                unheard, self._unheard = self._unheard, False
            try:
                if unheard and not waking.wake():
                    self._unheard = True  # another call has just woken it, before this one's event was there
                pause = FIRST_PAUSE if unheard else min(2 * pause, LONGEST_PAUSE)
                time.sleep(pause)
                over = look(self._waiting())
            except (DatabaseError, psycopg.Error) as error:
                log.warning("calls that wait for the log are not told of it: %s", error)
                connections.close_all()
                time.sleep(LONGEST_PAUSE)
                over = [call for call in self._waiting() if time.monotonic() >= call.deadline]
            self._end(over)

    def _waiting(self) -> list[Waiting]:
        with self._changed:
            return list(self._calls)

    def _end(self, calls: Collection[Waiting]) -> None:
        with self._changed:
            ended = [self._calls[call] for call in calls if call in self._calls]
        for over in ended:
            over.set_result(None)


_watch = Watch()
