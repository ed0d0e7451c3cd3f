"""How the sealer is woken: by PostgreSQL, which whoever waits for a place in the log has a connection to anyway.

A broker in between could be away, or frozen, and a request would wait for it.
"""

import time
from typing import Any, Final

import psycopg
from django.db import connections

from ledger_project.log.executor import look
from ledger_project.log.sealer import SEALER

CHANNEL: Final = "ledger_seal"
WAKE_EVERY: Final = 0.1  # seconds between the wake-ups that one process sends: each is a small commit
_woken_at = 0.0


def wake() -> bool:
    """Have the log sealed now, for somebody who waits for it; False where this process has asked a moment ago.

    What was committed before a wake-up is sealed by the pass that it starts.
    """
    global _woken_at
    if time.monotonic() - _woken_at < WAKE_EVERY:
        return False
    _woken_at = time.monotonic()
    look("SELECT pg_notify(%s, '')", (CHANNEL,))
    return True


class Bell:
    """A connection of the sealer's that hears wake-ups, those included that come while it is not listened to."""

    def __init__(self) -> None:
        self._connection: psycopg.Connection[Any] | None = None

    def wait(self, seconds: int) -> None:
        """Until somebody wakes the sealer, or for so long."""
        try:
            connection = self._connection or self._listen()
            for _ in connection.notifies(timeout=seconds, stop_after=1):
                pass
        except BaseException:
            self.close()
            raise

    def _listen(self) -> "psycopg.Connection[Any]":
        django = connections.create_connection(SEALER)
        django.ensure_connection()
        heard: psycopg.Connection[Any] = django.connection
        heard.execute(f"LISTEN {CHANNEL}")
        self._connection = heard
        return heard

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
