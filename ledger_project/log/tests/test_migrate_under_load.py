"""A migration of a table that is used: writers post while it gets an index, a rule and a column, and none waits.

Twenty thousand events here, a million by `make migrations`.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest
from django.conf import settings
from django.contrib.postgres.operations import AddConstraintNotValid, ValidateConstraint
from django.db import connections, migrations, models
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation
from django.db.models import CheckConstraint, Index, Q

from ledger_project.log import deadline, online
from ledger_project.log.online import AddIndexOnline, Briefly
from ledger_project.testing.databases import own_database
from ledger_project.testing.hostile import OWNER
from ledger_project.testing.ledger import Ledger

pytestmark = pytest.mark.slow

EVENTS = int(os.environ.get("MIGRATION_EVENTS", "20000"))
WRITERS = 3
LIMIT = 1  # s that a writer waits, twice as long as such a migration
READS = 3.0  # seconds of a report that somebody makes meanwhile

INDEX = Index(fields=["actor", "id"], name="example_index")
CHECK = CheckConstraint(condition=~Q(command="never"), name="example_rule")
COLUMN = "event", "example", models.TextField(null=True)
ONLINE = [
    AddIndexOnline("event", INDEX),
    Briefly(migrations.AddField(*COLUMN)),
    Briefly(AddConstraintNotValid("event", CHECK)),
    ValidateConstraint("event", CHECK.name),
]
# An index of few events is made before anybody has to wait for it.
OLD_KIND = [migrations.AddField(*COLUMN), *[migrations.AddIndex("event", INDEX)] * (EVENTS >= 10**6)]

# As the app's events are, but for their hashes; what the triggers judge is not asked.
FILL = """
ALTER TABLE log_event DISABLE TRIGGER USER;
INSERT INTO log_event (id, tenant_id, type, command, idempotency_key, actor, payload, result, content_hash)
SELECT gen_random_uuid(), %s, 'transfer.posted', 'transfer', 'filled-' || n, 'key:' || n %% 100,
       '{"from_account": "alice", "to_account": "bob", "amount": "5"}', '{}', ''
  FROM generate_series(1, %s) AS n;
ALTER TABLE log_event ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE log_event ENABLE ALWAYS TRIGGER append_only_truncate;
ALTER TABLE log_event ENABLE ALWAYS TRIGGER event_of_nobody;
"""


class Writers:
    """Threads that post, and do not wait for a lock any longer than `limit` seconds."""

    def __init__(self, ledger: Ledger, limit: float) -> None:
        self.ledger, self.limit = ledger, limit
        self.longest = 0.0  # seconds of one transfer
        self.posted = 0
        self.errors: list[Exception] = []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._post, args=(n,), daemon=True) for n in range(WRITERS)]

    def __enter__(self) -> "Writers":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(60)

    def _post(self, writer: int) -> None:
        try:
            while not self._stop.is_set():
                began = time.monotonic()
                self._transfer(f"{writer}-{began}")
                self.longest = max(self.longest, time.monotonic() - began)
        finally:
            connections.close_all()

    def _transfer(self, key: str) -> None:
        try:
            with deadline.within(self.limit):
                self.ledger.run("transfer", key=key, from_account="alice", to_account="bob", amount=1)
            self.posted += 1
        except Exception as error:  # counted; the test says how many are right
            self.errors.append(error)


@contextmanager
def somebody_reads(seconds: float) -> Iterator[None]:
    """A report of so many seconds, which holds the weakest lock there is."""
    with psycopg.connect(settings.DATABASE_OWNER_URL, dbname=connections["owner"].settings_dict["NAME"]) as reader:
        reader.execute("SELECT FROM log_event LIMIT 1")
        ends = threading.Timer(seconds, reader.rollback)
        ends.start()
        try:
            yield
        finally:
            ends.join()


def migrate(operations: list[Operation], *, atomic: bool) -> None:
    state = MigrationLoader(None).project_state()
    migration = migrations.Migration("example", "log")
    migration.operations, migration.atomic = operations, atomic
    with connections[OWNER].schema_editor(atomic=atomic) as editor:
        migration.apply(state, editor)


@pytest.fixture
def books() -> Iterator[Ledger]:
    with own_database():
        ledger = Ledger()
        ledger.open("alice", funded=10**9)
        ledger.open("bob")
        with connections[OWNER].cursor() as cursor:
            cursor.execute(FILL, [ledger.tenant, EVENTS])
            cursor.execute("ANALYZE log_event")
        yield ledger


@pytest.fixture
def load(books: Ledger) -> Callable[..., Writers]:
    def load(operations: list[Operation], *, atomic: bool, limit: float = LIMIT) -> Writers:
        with Writers(books, limit) as writers:
            time.sleep(1)
            began = time.monotonic()
            with somebody_reads(READS):
                migrate(operations, atomic=atomic)
            took = time.monotonic() - began
            time.sleep(0.5)
        print(
            f"\n{EVENTS} events, {'the old kind' if atomic else 'online'}: {took:.1f} s, {writers.posted} transfers"
            f" meanwhile, the longest {writers.longest:.2f} s, {len(writers.errors)} errors"
        )
        return writers

    return load


def valid() -> tuple[bool, bool]:
    """Whether the index and the rule are."""
    with connections[OWNER].cursor() as cursor:
        cursor.execute(
            "SELECT indisvalid, convalidated FROM pg_index, pg_constraint"
            " WHERE indexrelid = 'example_index'::regclass AND conname = 'example_rule'"
        )
        found: tuple[bool, bool] = cursor.fetchone()
    return found


@pytest.mark.timeout(900)
def test_nobody_waits_for_a_migration(load: Callable[..., Writers], books: Ledger) -> None:
    writers = load(ONLINE, atomic=False)

    assert writers.errors == []
    assert writers.posted > 0
    assert valid() == (True, True)
    assert books.balance("bob") == {"available": writers.posted}


@pytest.mark.timeout(900)
@pytest.mark.parametrize("operation", OLD_KIND)
def test_everybody_waits_for_one_of_the_old_kind(load: Callable[..., Writers], operation: Operation) -> None:
    """So the test above sees what it looks for."""
    writers = load([operation], atomic=True, limit=0.1)

    assert len(writers.errors) >= WRITERS


def test_an_index_that_was_broken_off_is_built_again(books: Ledger) -> None:
    """Two events of one actor are against a unique index, so its first try leaves one that is not valid."""
    with connections[OWNER].cursor() as cursor, pytest.raises(Exception, match="duplicate"):
        cursor.execute("CREATE UNIQUE INDEX CONCURRENTLY example_index ON log_event (actor)")

    migrate([*ONLINE], atomic=False)
    assert valid() == (True, True)

    migrate(ONLINE[:1], atomic=False)  # and what is whole is left alone
    with connections[OWNER].cursor() as cursor:
        cursor.execute("SHOW lock_timeout")
        assert cursor.fetchone() == ("10s",)


def test_a_brief_operation_gives_up_in_the_end(books: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(online, "MOST_TRIES", 2)
    monkeypatch.setattr(online, "PAUSE", 0.01)

    with somebody_reads(5), pytest.raises(Exception, match="lock timeout"):
        migrate([Briefly(migrations.AddField(*COLUMN))], atomic=False)
