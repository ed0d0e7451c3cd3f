"""Round trips: values arrive as they were, errors leave the connection fit for use."""

import gc
import threading
import weakref
from datetime import UTC, datetime
from uuid import UUID

import psycopg
import pytest
from django.conf import settings
from django.db import connection, connections, transaction
from hypothesis import given
from hypothesis import strategies as st

from ledger_project.log.executor import look
from ledger_project.log.wire import Trip, numbered, round_trip

text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))


@given(st.lists(st.one_of(text, st.sampled_from(["NULL", "null", "", "{}", '"', "\\", '\\"', ",", "a,b", " x "]))))
def test_text_survives(values: list[str]) -> None:
    assert look("SELECT array_to_json(%s::text[])", ([*values, None],)) == [([*values, None],)]


@given(st.lists(st.integers(-(10**38) + 1, 10**38 - 1)))
def test_amounts_survive(values: list[int]) -> None:
    assert look("SELECT * FROM unnest(%s::text[]::numeric[])", (values,)) == [(value,) for value in values]
    assert look("SELECT * FROM unnest(%s::numeric(38,0)[])", (values,)) == [(value,) for value in values]


def test_the_other_types_survive() -> None:
    row = (
        [UUID(int=1), None],
        [True, False],
        [b"\x00\\x\xff", b""],
        [datetime(2026, 11, 21, 10, 0, 0, 1, tzinfo=UTC), datetime(1970, 1, 1, tzinfo=UTC)],
    )

    columns = look(
        "SELECT * FROM unnest(%s::uuid[], %s::bool[], %s::bytea[], %s::timestamptz[])", tuple(map(list, row))
    )

    assert list(zip(*columns, strict=True)) == [tuple(column) for column in row]


def test_markers_are_numbered() -> None:
    assert numbered("a = %s AND b LIKE 'x%%' AND c = %s") == b"a = $1 AND b LIKE 'x%' AND c = $2"


def test_single_values_survive() -> None:
    moment = datetime(2026, 11, 21, 10, tzinfo=UTC)
    row = (7, "x", None, True, UUID(int=3), moment, b"\x01")

    assert look("SELECT %s, %s::text, %s::text, %s, %s, %s, %s::bytea", row) == [row]


def test_what_follows_a_failure_is_not_executed_and_the_connection_lives_on() -> None:
    connection.ensure_connection()
    raw = connection.connection

    for _ in range(3):
        with pytest.raises(psycopg.errors.DivisionByZero):
            round_trip(raw, [("SELECT 1", ()), ("SELECT 1 / %s::int", (0,)), ("SELECT 2", ())])
        with pytest.raises(psycopg.errors.SyntaxError):
            round_trip(raw, [("SELEKT 1", ()), ("SELECT 2", ())])

    assert round_trip(raw, [("SELECT 1", ()), ("SELECT 2 WHERE false", ()), ("SELECT 3", ())]) == [[(1,)], [], [(3,)]]
    with connection.cursor() as cursor:
        cursor.execute("SELECT 4")
        assert cursor.fetchone() == (4,)


def test_a_connection_that_is_lost_says_so() -> None:
    connection.ensure_connection()
    raw = connection.connection
    pid = round_trip(raw, [("SELECT pg_backend_pid()", ())])[0][0][0]
    with connections["owner"].cursor() as owner:
        owner.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])

    with pytest.raises(psycopg.OperationalError):
        round_trip(raw, [("SELECT 1", ())])
    with pytest.raises(psycopg.OperationalError):
        round_trip(raw, [("SELECT 1", ())])

    connection.close()


def test_a_connection_that_nobody_uses_is_let_go_of() -> None:
    raw = psycopg.connect(settings.DATABASE_URL, autocommit=True)
    round_trip(raw, [("SELECT 1", ())])
    raw.close()
    gone = weakref.ref(raw)

    del raw
    gc.collect()

    assert gone() is None


def test_the_first_statement_of_a_transaction_belongs_to_it() -> None:
    lock = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()"
    with transaction.atomic():
        look("SELECT pg_advisory_xact_lock(77)", ())

        assert look(lock, ()) == [(1,)]

    assert look(lock, ()) == [(0,)]


def test_a_thread_that_waits_for_the_server_lets_the_others_run() -> None:
    def wait() -> None:
        look("SELECT pg_sleep(1)", ())
        connections.close_all()

    sleeper = threading.Thread(target=wait)
    sleeper.start()
    turns = 0
    while sleeper.is_alive() and turns < 20:
        sleeper.join(0.02)
        turns += 1
    sleeper.join()

    assert turns == 20


def test_more_than_a_socket_holds_is_sent_while_the_server_waits() -> None:
    connection.ensure_connection()
    much = "x" * 10_000_000

    results = round_trip(connection.connection, [("SELECT pg_sleep(0.2)", ()), ("SELECT length(%s::text)", (much,))])

    assert results[1] == [(len(much),)]


def test_what_is_sent_in_parts_is_one_trip() -> None:
    connection.ensure_connection()
    trip = Trip(connection.connection)

    trip.send([("SELECT 1", ())])
    with pytest.raises(RuntimeError, match="another trip"):
        round_trip(connection.connection, [("SELECT 9", ())])
    trip.send([("SELECT 2", ()), ("SELECT 3", ())])

    assert trip.results() == [[(1,)], [(2,)], [(3,)]]
    assert look("SELECT 4", ()) == [(4,)]


def test_a_part_after_a_failure_is_not_executed() -> None:
    connection.ensure_connection()
    trip = Trip(connection.connection)

    trip.send([("SELECT 1 / %s::int", (0,))])
    trip.send([("SELECT set_config('application_name', 'late', false)", ())])

    with pytest.raises(psycopg.errors.DivisionByZero):
        trip.results()
    assert look("SELECT current_setting('application_name') = 'late'", ()) == [(False,)]


def test_an_abandoned_trip_leaves_the_connection_as_it_was() -> None:
    connection.ensure_connection()
    for sql in ("SELECT 1", "SELEKT 1"):
        trip = Trip(connection.connection)
        trip.send([(sql, ())])
        trip.abandon()

    assert look("SELECT 2", ()) == [(2,)]


def test_a_trip_that_has_lost_its_connection_says_so() -> None:
    connection.ensure_connection()
    trip = Trip(connection.connection)
    trip.send([("SELECT 1", ())])
    with connections["owner"].cursor() as owner:
        owner.execute("SELECT pg_terminate_backend(%s, 5000)", [connection.connection.info.backend_pid])

    with pytest.raises(psycopg.OperationalError):
        trip.send([("SELECT 2", ())])
        trip.results()

    assert connection.connection.closed
    connection.close()
