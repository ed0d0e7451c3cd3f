"""The sealer's own connection, with rights of its own: it alone extends the sealed log, and it can do nothing else.

Whoever speaks through the app's role can post what its verbs post, and cannot seal it, publish a key, or silence an
alarm. Only processes that seal are given `DATABASE_SEALER_URL`: the timer, the worker and the operator's commands, not
the web.
"""

from collections.abc import Sequence
from typing import Any, Final

import psycopg
from django.conf import settings
from django.db import OperationalError, connections

from ledger_project.log.wire import Rows, round_trip

SEALER: Final = "sealer"
MISSING: Final = (
    "DATABASE_SEALER_URL is not set, and without it nothing is sealed. It is the address of a login that may take the"
    " role ledger_sealer: CREATE ROLE ledger_worker LOGIN NOINHERIT PASSWORD '...' IN ROLE ledger_sealer"
)


class NoSealer(Exception):
    """This process has no connection that may seal."""


def connection() -> "psycopg.Connection[Any]":
    """This thread's connection with the sealer's rights. Raises NoSealer."""
    require()
    django = connections[SEALER]
    django.ensure_connection()
    return django.connection


def look(sql: str, parameters: Sequence[Any]) -> Rows:
    """Read and write rows with a prepared statement as the sealer. Raises NoSealer."""
    return round_trip(connection(), [(sql, parameters)])[0]


def require() -> None:
    """Raises NoSealer in a process that was not given the sealer's address."""
    if SEALER not in settings.DATABASES:
        raise NoSealer(MISSING)


def trouble() -> str | None:
    """Why the sealer's login does not work; None where it does. Raises NoSealer."""
    try:
        connection()
    except (OperationalError, psycopg.OperationalError) as error:
        return f"nothing can be sealed, as DATABASE_SEALER_URL does not work: {error}".strip()
    return None
