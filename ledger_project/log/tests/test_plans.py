"""How long PostgreSQL's plans are used: not made anew for every call, and not kept beyond their time."""

from collections.abc import Iterator

import psycopg
import pytest
from django.conf import settings
from django.db import connection, transaction

from ledger_project.log import wire
from ledger_project.log.executor import look
from ledger_project.log.wire import round_trip
from ledger_project.testing.ledger import Ledger

Raw = psycopg.Connection[tuple[int]]
MODE = "SELECT current_setting('plan_cache_mode')"


@pytest.fixture
def planner() -> Iterator[Raw]:
    """A connection on which `SELECT pg_temp.planned()` says which of its plans this is."""
    with psycopg.connect(settings.DATABASE_OWNER_URL, autocommit=True) as raw:  # the app may make nothing of its own
        raw.execute("CREATE TEMP SEQUENCE plans")
        raw.execute("CREATE FUNCTION pg_temp.planned() RETURNS bigint IMMUTABLE RETURN nextval('pg_temp.plans')")
        yield raw


def plans_of(raw: Raw, executions: int = 3) -> int:
    return len({round_trip(raw, [("SELECT pg_temp.planned()", ())])[0][0] for _ in range(executions)})


def test_a_plan_is_used_again(planner: Raw, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "PLANS_LAST", 10**13)

    assert plans_of(planner) == 1


def test_an_old_plan_is_not(planner: Raw, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "PLANS_LAST", 0)

    assert plans_of(planner) == 3


def test_a_failed_transaction_is_left_to_its_end(planner: Raw, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "PLANS_LAST", 0)
    with pytest.raises(psycopg.errors.DivisionByZero):
        round_trip(planner, [("BEGIN", ()), ("SELECT 1 / 0", ())])

    round_trip(planner, [("ROLLBACK", ())])

    assert plans_of(planner) == 3


def test_single_calls_are_planned_once(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "PLANS_LAST", 10**13)
    ledger.open("alice", funded=100)
    ledger.open("bob")
    connection.close()

    for _ in range(10):
        ledger.run("transfer", from_account="alice", to_account="bob", amount=1)

    used = look(
        "SELECT generic_plans, custom_plans FROM pg_prepared_statements WHERE statement ~ '^(WITH|SELECT acc)'", ()
    )
    assert used == [(10, 0), (10, 0)]


def test_other_statements_of_the_connection_keep_their_planning(ledger: Ledger) -> None:
    ledger.open("alice", funded=100)
    assert look(MODE, ()) == [("auto",)]

    with transaction.atomic():
        ledger.run("burn", account="alice", amount=1)

        assert look(MODE, ()) == [("auto",)]
