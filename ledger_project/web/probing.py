"""What the servers behind this process say of themselves, asked so that nobody waits for one that has stopped.

A probe asks in a thread of its own, on a connection of its own, and keeps the answer for a moment: however often it is
looked at, a server is asked once a second, and one that hangs holds that one thread and no other.
"""

import threading
import time
from collections.abc import Callable
from functools import lru_cache
from typing import Final

import psycopg
import redis
from django.conf import settings
from django.db import Error as DjangoError
from django.db import connection, transaction
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from ledger_project.kernel.errors import DatabaseReadOnly, TimedOut, Unavailable
from ledger_project.log import outages

OK: Final = "ok"
KEEP: Final = 1.0  # seconds that an answer is good for
PATIENCE: Final = 3.0  # seconds that the first who looks waits for a new one; the others take the last one
REDIS_PATIENCE: Final = 0.3
SULK: Final = 5.0  # seconds until a Redis that did not answer is asked again
# PostgreSQL can be full and nobody knows: reading works, and so does what fits into pages that exist. So the probe has
# it write half a megabyte beside its tables, into a temporary file that is gone with the statement: such files belong
# to no transaction, leave no row and no WAL behind, and need no right.
ROOM: Final = """
WITH room AS MATERIALIZED (SELECT repeat(md5(page::text), 256) FROM generate_series(1, 64) AS page)
SELECT current_setting('transaction_read_only'), count(*) FROM room
"""


class Probe:
    """One server's state, in a word: `ok`, or what is wrong."""

    def __init__(self, ask: Callable[[], str], *, sulk: float = KEEP) -> None:
        self._ask = ask
        self._sulk = sulk
        self._lock = threading.Lock()
        self._answered = threading.Event()
        self._answered.set()
        self._asked_at = 0.0
        self._good_until = 0.0
        self._last = ""

    def look(self) -> str:
        with self._lock:
            answered = self._answered
            asks = answered.is_set() and time.monotonic() >= self._good_until
            if asks:
                answered = self._answered = threading.Event()
                self._asked_at = time.monotonic()
                threading.Thread(target=self._find_out, args=(answered,), daemon=True).start()
        late = self._asked_at + PATIENCE - time.monotonic()
        if asks or not self._last:
            answered.wait(max(0.0, late))
        if answered.is_set() or (self._last and late > 0):
            return self._last
        return TimedOut.code

    def _find_out(self, answered: threading.Event) -> None:
        found = Unavailable.code
        try:
            found = self._ask()
        finally:
            self._good_until = time.monotonic() + (KEEP if found == OK else self._sulk)
            self._last = found
            answered.set()


def ask_database() -> str:
    """Whether the schema is the code's, and a write would be taken. Closes the connection of this thread."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = '2s'; SET LOCAL work_mem = '64kB'")
            missing = known_migrations() - MigrationRecorder(connection).applied_migrations().keys()
            if missing:
                return f"{len(missing)} migrations are not applied"
            cursor.execute(ROOM)
            read_only, _ = cursor.fetchone()
            return DatabaseReadOnly.code if read_only == "on" else OK
    except DjangoError as error:
        return code_of(error)
    finally:
        connection.close()


def code_of(error: DjangoError | psycopg.Error) -> str:
    """The refusal's code that an error of the database stands for."""
    outage = outages.outage_of(error)
    return outage.code if outage else Unavailable.code


@lru_cache(maxsize=1)
def known_migrations() -> frozenset[tuple[str, str]]:
    """The migrations on disk, which do not change under a running process."""
    loader = MigrationLoader(None, ignore_no_migrations=True)
    return frozenset(loader.disk_migrations)


def ask_redis() -> str:
    """Broker, cache and throttle counters are one server."""
    patience = {"socket_connect_timeout": REDIS_PATIENCE, "socket_timeout": REDIS_PATIENCE}
    try:
        with redis.Redis.from_url(settings.REDIS_URL, **patience) as client:
            client.ping()
    except redis.RedisError:
        return "unreachable"
    return OK


DATABASE: Final = Probe(ask_database)
REDIS: Final = Probe(ask_redis, sulk=SULK)
