"""`?wait=sealed`: answer when the event has its place in the log."""

import time
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest

from ledger_project.log import feed, tasks
from ledger_project.web.authentication import authenticate
from ledger_project.web.errors import NotAuthenticated

FIRST_PAUSE, LONGEST_PAUSE = 0.02, 0.1  # seconds between looks


def await_seal(bodies: Sequence[dict[str, Any]], request: HttpRequest) -> None:
    """Put the places of their events into answers, as they come, for SEAL_WAIT seconds at most.

    An event that has none by then is shown as recorded, as it is to those who do not wait: it was accepted, and its
    place follows. So it is to a key that is revoked or expires meanwhile.
    """
    waiting: dict[UUID, list[dict[str, Any]]] = {}  # a batch can name one event several times
    for body in bodies:
        waiting.setdefault(UUID(hex=body["event"]["id"][4:]), []).append(body["event"])
    deadline = time.monotonic() + settings.SEAL_WAIT
    pause = FIRST_PAUSE
    while True:
        for event, log_index in feed.indexes(waiting).items():
            for shown in waiting.pop(event):
                shown.update(state="sealed", log_index=log_index)
        if not waiting or time.monotonic() >= deadline or not _is_good(request):
            return
        tasks.wake()
        time.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)


def _is_good(request: HttpRequest) -> bool:
    """Whether the caller's key still is; it is looked up every API_KEY_CACHE_SECONDS."""
    try:
        return authenticate(request) is not None
    except NotAuthenticated:
        return False
