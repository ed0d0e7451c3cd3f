"""What callers and balancers are told while PostgreSQL refuses: a code, and one line in the log; then all is well.

Each test has a database of its own, which a real server refuses to write to, or to connect to.
"""

import logging
import time
from collections.abc import Iterator

import psycopg
import pytest
from django.conf import settings
from django.db import connection, connections, transaction
from django.test import Client
from psycopg import sql

from accounts.models import Account
from ledger_project.kernel import ids
from ledger_project.log import sealing
from ledger_project.testing.api import Api, refused
from ledger_project.testing.databases import own_database
from ledger_project.testing.ledger import Ledger
from ledger_project.testing.staff import boss
from ledger_project.web import probing
from ledger_project.web.probing import Probe

pytestmark = pytest.mark.slow

ACCOUNT = {"name": "carol"}
TRANSFER = {"from_account": "alice", "to_account": "bob", "amount": 1}
BULK = {"commands": [{"command": "transfer", "idempotency_key": "b1", "args": TRANSFER}]}


class Shop:
    """A ledger in a database of its own, a caller of its API, and what whoever rules the server does to it."""

    def __init__(self, database: str) -> None:
        self.database = database
        self.ledger = Ledger()
        self.ledger.open("alice", funded=1000)
        self.ledger.open("bob")
        sealing.seal()
        self.api = Api(self.ledger, "*")
        self.staff = boss()
        self.staff.raise_request_exception = False

    def alter(self, words: str) -> None:
        """ALTER DATABASE; it holds for connections that are made from now on."""
        with psycopg.connect(settings.DATABASE_OWNER_URL, autocommit=True) as owner:
            owner.execute(sql.SQL("ALTER DATABASE {} {}").format(sql.Identifier(self.database), sql.SQL(words)))  # type: ignore[arg-type]
        for each in connections.all():
            each.close()

    def balances(self) -> list[int]:
        return [self.ledger.balance(name)["available"] for name in ("alice", "bob")]


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    monkeypatch.setattr(probing, "KEEP", 0.0)
    monkeypatch.setattr(probing, "DATABASE", Probe(probing.ask_database, sulk=0))
    with own_database() as name:
        yield Shop(name)


def one_line_each(caplog: pytest.LogCaptureFixture, code: str) -> None:
    """Whatever was logged since the last look: one line for one answer, without a trace."""
    errors = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert [record.exc_info for record in errors] == [None], caplog.text
    assert code in errors[0].getMessage()
    assert "\n" not in errors[0].getMessage()
    caplog.clear()


def test_a_database_that_takes_no_writes(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    url = f"/admin/accounts/account/{ids.show('acc', Account.objects.get(name='alice').pk)}/do/freeze_account/"
    assert Client().get("/readyz").json()["checks"]["database"] == "ok"
    shop.alter("SET default_transaction_read_only = on")
    caplog.clear()

    for path, body in (
        ("/v1/accounts", ACCOUNT),
        ("/v1/transfers", TRANSFER),
        ("/v1/bulk", BULK),
    ):
        refused(shop.api.post(path, body), 503, "database_read_only")
        one_line_each(caplog, "database_read_only")
    unready = Client().get("/readyz")
    assert (unready.status_code, unready.json()["checks"]["database"]) == (503, "database_read_only")
    one_line_each(caplog, "database_read_only")
    # What is only read is there.
    assert shop.api.get("/v1/accounts/alice/balance").json()["available"] == "1000"
    form = shop.staff.get(url)
    assert form.status_code == 200
    login = Client(raise_request_exception=False).post(
        "/admin/login/", {"username": "nobody", "password": "a password of tests"}
    )
    assert login.status_code in {200, 503}
    caplog.clear()

    shop.alter("RESET default_transaction_read_only")

    assert shop.api.post("/v1/transfers", TRANSFER).status_code == 201
    assert Client().get("/readyz").status_code == 200
    assert shop.balances() == [999, 1]


def test_a_person_is_told_by_a_page_that_nothing_can_be_written(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    shop.alter("SET default_transaction_read_only = on")
    caplog.clear()

    logged_out = shop.staff.post("/admin/logout/")  # deletes the session

    assert logged_out.status_code == 503
    assert "<code>database_read_only</code>" in logged_out.content.decode()
    assert logged_out["Retry-After"] == "2"
    one_line_each(caplog, "database_read_only")


def test_a_database_that_takes_no_more_connections(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    shop.alter("CONNECTION LIMIT 0")
    caplog.clear()

    for call in (
        lambda: shop.api.post("/v1/transfers", TRANSFER),
        lambda: shop.api.post("/v1/bulk", BULK),
        lambda: shop.api.get("/v1/accounts"),
        lambda: shop.api.get("/v1/accounts/alice/balance"),
    ):
        answer = call()
        refused(answer, 503, "too_many_connections")
        assert answer["Retry-After"] == "2"
        one_line_each(caplog, "too_many_connections")
    for path in ("/admin/", "/admin/accounts/account/"):
        page = shop.staff.get(path)
        assert page.status_code == 503
        assert "<code>too_many_connections</code>" in page.content.decode()
        one_line_each(caplog, "too_many_connections")
    unready = Client().get("/readyz")
    assert (unready.status_code, unready.json()) == (
        503,
        {"status": "unready", "checks": {"database": "too_many_connections", "redis": "ok"}},
    )
    one_line_each(caplog, "too_many_connections")
    assert Client().get("/healthz").status_code == 200

    shop.alter("CONNECTION LIMIT -1")

    assert shop.api.post("/v1/transfers", TRANSFER).status_code == 201
    assert shop.staff.get("/admin/").status_code == 200
    assert Client().get("/readyz").status_code == 200
    assert shop.balances() == [999, 1]


def test_what_takes_longer_than_it_may(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    shop.alter("SET statement_timeout = '300ms'")
    with connections["owner"].cursor() as cursor:
        cursor.execute("BEGIN; LOCK TABLE accounts_apikey, accounts_balance, auth_user IN ACCESS EXCLUSIVE MODE")
        caplog.clear()

        refused(shop.api.post("/v1/transfers", TRANSFER), 503, "timed_out")
        one_line_each(caplog, "timed_out")
        refused(shop.api.get("/v1/accounts"), 503, "timed_out")
        one_line_each(caplog, "timed_out")
        page = shop.staff.get("/admin/")
        assert (page.status_code, "<code>timed_out</code>" in page.content.decode()) == (503, True)
        one_line_each(caplog, "timed_out")

        cursor.execute("ROLLBACK")

    assert shop.api.post("/v1/transfers", TRANSFER).status_code == 201
    assert shop.balances() == [999, 1]


def test_the_probe_writes_beside_the_tables_and_leaves_nothing(shop: Shop) -> None:
    """What it finds on a full disk is in embedded/tests/test_faults.py."""
    connection.close()
    with connections["owner"].cursor() as cursor:

        def written() -> int:
            cursor.execute("SELECT temp_bytes FROM pg_stat_database WHERE datname = current_database()")
            return int(cursor.fetchone()[0])

        before = written()

        assert probing.ask_database() == "ok"

        deadline = time.monotonic() + 10  # PostgreSQL counts when a session has ended
        while written() - before < 512 * 1024:
            assert time.monotonic() < deadline
            time.sleep(0.05)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(probing.ROOM)
        cursor.execute("SELECT pg_current_xact_id_if_assigned()")
        assert cursor.fetchone() == (None,)  # who has no number has changed nothing
