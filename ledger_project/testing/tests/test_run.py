"""The test run itself: who the tests are to the database, and that a worker is alone."""

import os

import psycopg
from django.core.cache import cache
from django.db import connection, connections

from ledger_project.testing.run import with_database, with_number


def test_a_test_speaks_to_the_database_as_the_app():
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user, current_setting('fsync'), current_setting('TimeZone')")

        assert cursor.fetchone() == ("ledger_app", "on", "UTC")


def test_the_app_owns_no_table_and_the_owner_owns_all():
    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT DISTINCT tableowner = current_user FROM pg_tables WHERE schemaname = 'public'")

        assert cursor.fetchall() == [(True,)]


def test_the_cluster_sorts_the_same_way_everywhere_and_checks_its_pages():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT datlocprovider, datlocale, current_setting('data_checksums'), current_setting('synchronous_commit')"
            " FROM pg_database WHERE datname = current_database()"
        )

        assert cursor.fetchone() == ("b", "C.UTF-8", "on", "on")


def test_a_commit_is_real():
    """Another connection sees what a test wrote: no transaction is wrapped around it."""
    with psycopg.connect(os.environ["DATABASE_OWNER_URL"]) as other:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_current_xact_id(), pg_current_wal_lsn() IS NOT NULL")
            mine = cursor.fetchone()[0]
        state = other.execute("SELECT pg_xact_status(%s::xid8)", [str(mine)]).fetchone()

    assert state == ("committed",)


def test_each_worker_has_its_own_cache():
    cache.set("worker", os.environ.get("PYTEST_XDIST_WORKER", "main"))

    assert cache.get("worker") == os.environ.get("PYTEST_XDIST_WORKER", "main")


def test_urls_keep_their_form_when_the_database_changes():
    assert with_database("postgresql://u@/a?host=/s%20p/run&port=1", "b") == "postgresql://u@/b?host=/s%20p/run&port=1"
    assert with_database("postgresql:///a?host=/s", "b") == "postgresql:///b?host=/s"
    assert with_number("unix:///s/valkey.sock?db=0", 7) == "unix:///s/valkey.sock?db=7"
    assert with_number("redis://h:6379/0", 7) == "redis://h:6379/7"
