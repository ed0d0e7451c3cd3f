"""What is wrong with the database, told from the error that it raised.

Whoever answers requests says it in one line and a code of its own; a trace would tell nobody more.
"""

import psycopg
from django.db import Error as DjangoError
from psycopg import errors as pg

from ledger_project.kernel.errors import (
    Busy,
    DatabaseFull,
    DatabaseReadOnly,
    Refusal,
    TimedOut,
    TooManyConnections,
    Unavailable,
)

KINDS: tuple[tuple[type[psycopg.Error], type[Refusal]], ...] = (
    (pg.LockNotAvailable, Busy),
    (pg.QueryCanceled, TimedOut),
    (pg.ReadOnlySqlTransaction, DatabaseReadOnly),
    (pg.DiskFull, DatabaseFull),
    (pg.TooManyConnections, TooManyConnections),
)
# A server that refuses a connection says why in words alone: libpq keeps no SQLSTATE of it.
_NO_SLOT = ("too many clients", "too many connections", "remaining connection slots", "no more connections allowed")


def outage_of(error: BaseException) -> Refusal | None:
    """The refusal that an error of the database, psycopg's or Django's, stands for; None for what is a bug."""
    if isinstance(error, DjangoError) and isinstance(error.__cause__, psycopg.Error):
        error = error.__cause__
    for kind, refusal in KINDS:
        if isinstance(error, kind):
            return refusal()
    if not isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return None
    return TooManyConnections() if any(words in str(error) for words in _NO_SLOT) else Unavailable()


def is_lost(error: psycopg.Error) -> bool:
    """Whether the connection is gone, and not just what was asked on it: nobody knows what became of a COMMIT."""
    return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError) and (
        error.sqlstate is None or isinstance(error, pg.AdminShutdown | pg.CrashShutdown | pg.CannotConnectNow)
    )


def in_a_line(error: BaseException) -> str:
    """What the server said, without its hints and without a trace."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
