"""What an error of the database is told as, with errors that a real server raised."""

from collections.abc import Iterator

import psycopg
import pytest
from django.db import DatabaseError, connection
from django.db.utils import InternalError, OperationalError

from ledger_project.kernel.errors import DatabaseReadOnly, Refusal, TimedOut, Unavailable
from ledger_project.log import outages
from ledger_project.log.executor import look, run
from ledger_project.testing.ledger import Ledger


def raised(sql: str) -> Exception:
    with pytest.raises(DatabaseError) as caught, connection.cursor() as cursor:
        cursor.execute(sql)
    return caught.value


def test_what_the_server_refuses_has_a_code_of_its_own(ledger: Ledger) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = '5ms'")
        late = raised("SELECT pg_sleep(1)")
        cursor.execute("RESET statement_timeout")
        cursor.execute("SET default_transaction_read_only = on")
        refused = raised("CREATE TABLE public.never ()")
        cursor.execute("RESET default_transaction_read_only")
        mistaken = raised("SELECT 1 / 0")

    assert isinstance(late, OperationalError)
    assert isinstance(outages.outage_of(late), TimedOut)
    assert isinstance(refused, InternalError)
    assert isinstance(outages.outage_of(refused), DatabaseReadOnly)
    assert outages.outage_of(mistaken) is None
    assert outages.in_a_line(late) == "canceling statement due to statement timeout"


def test_a_connection_that_is_refused_is_told_by_its_words() -> None:
    full = psycopg.OperationalError("connection failed: FATAL:  sorry, too many clients already")

    assert getattr(outages.outage_of(full), "code", "") == "too_many_connections"
    with pytest.raises(psycopg.OperationalError) as caught:
        psycopg.connect("host=127.0.0.1 port=1 connect_timeout=2")
    assert isinstance(outages.outage_of(caught.value), Unavailable)
    assert outages.is_lost(caught.value)


@pytest.fixture
def read_only() -> Iterator[None]:
    look("SET default_transaction_read_only = on", ())
    yield
    look("RESET default_transaction_read_only", ())


def test_a_call_that_cannot_be_written_is_tried_once(
    ledger: Ledger, read_only: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = []
    monkeypatch.setattr(connection, "close", lambda: closed.append(True))

    with pytest.raises(Refusal) as refused:
        run(ledger.tenant, "register_currency", key="k", code="XYZ", scale=2, name="x")

    assert refused.value.code == "database_read_only"
    assert closed == []
