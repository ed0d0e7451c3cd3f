"""replay: what is stored is what the log and its postings say, and a planted fault is named exactly."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connections, transaction

from accounts.models import Account, Tenant
from journal.replay import replay
from ledger_project.testing.databases import own_database
from ledger_project.testing.ledger import Ledger

pytestmark = pytest.mark.slow


@pytest.fixture
def books(ledger: Ledger) -> Ledger:
    return opened(ledger)


@pytest.fixture
def books_to_spoil() -> Iterator[Ledger]:
    """In a database of their own: an event that is not what was posted stands in the sealer's way."""
    with own_database():
        yield opened(Ledger())


def opened(ledger: Ledger) -> Ledger:
    ledger.open("alice", funded=100)
    ledger.open("fees", type="revenue", unbounded=True)
    ledger.run("transfer", from_account="alice", to_account="fees", amount=30)
    return ledger


def as_owner(statement: str, *values: Any) -> int:
    with connections["owner"].cursor() as owner:
        owner.execute(statement, values)
        return owner.rowcount


def found(ledger: Ledger, **options: Any) -> list[tuple[str, str, str, str]]:
    differences = replay(ledger.tenant, **options)
    return sorted((each.check, each.subject, each.stored, each.replayed) for each in differences)


def row_of(ledger: Ledger, name: str) -> str:
    """How a balance row of an account is called."""
    return f"accounts_balance acc_{Account.objects.get(tenant=ledger.tenant, name=name).pk.hex}/0"


ADD_FIVE = (
    "UPDATE accounts_balance SET available = available + 5, total_in = total_in + 5"
    " WHERE tenant_id = %s AND available = 70"
)


def test_clean_books_have_no_difference(books: Ledger) -> None:
    assert replay(books.tenant) == []


def test_a_changed_balance_is_named(books: Ledger) -> None:
    as_owner(ADD_FIVE, books.tenant)

    assert found(books) == [("balances_equal_postings", "alice available", "75", "70")]


def test_the_command_exits_1_on_a_difference(books: Ledger, capsys: pytest.CaptureFixture[str]) -> None:
    as_owner("UPDATE accounts_balance SET version = version + 1 WHERE tenant_id = %s AND available = 70", books.tenant)
    slug = Tenant.objects.get(pk=books.tenant).slug

    with pytest.raises(SystemExit) as stopped:
        call_command("replay", tenant=slug, json=True)

    difference, summary = map(json.loads, capsys.readouterr().out.splitlines())
    assert stopped.value.code == 1
    assert summary["differences"] == 1
    assert (difference["check"], difference["subject"], difference["stored"], difference["replayed"]) == (
        "versions_unbroken",
        "alice#0",
        "3",
        "2, after 0 there are 2",
    )


def test_accounts_are_as_their_last_event_says(books: Ledger) -> None:
    books.run("freeze_account", account="alice", reason="a question")
    books.run("unfreeze_account", account="alice", reason="answered")
    books.run("set_credit_limit", account="alice", credit_limit=40)
    assert replay(books.tenant) == []
    as_owner(
        "UPDATE accounts_balance SET status = 'frozen', credit_limit = 4000 WHERE tenant_id = %s AND available = 70",
        books.tenant,
    )

    assert found(books) == [
        ("accounts_equal_log", f"{row_of(books, 'alice')} credit_limit", "4000", "40"),
        ("accounts_equal_log", f"{row_of(books, 'alice')} status", "frozen", "open"),
    ]


def test_an_incremental_replay_goes_on_from_the_last_clean_full_one(books: Ledger) -> None:
    assert replay(books.tenant) == []
    books.run("transfer", from_account="alice", to_account="fees", amount=30)
    books.run("freeze_account", account="alice", reason="a question")
    assert replay(books.tenant, incremental=True) == []

    as_owner(
        "UPDATE accounts_balance SET status = 'open', available = 41, total_in = total_in + 1"
        " WHERE tenant_id = %s AND available = 40",
        books.tenant,
    )

    assert found(books, incremental=True) == [
        ("accounts_equal_log", f"{row_of(books, 'alice')} status", "open", "frozen"),
        ("balances_equal_postings", "alice available", "41", "40"),
    ]


def test_an_incremental_replay_believes_what_was_verified_and_a_full_one_does_not(books_to_spoil: Ledger) -> None:
    books = books_to_spoil
    assert replay(books.tenant) == []
    as_owner("ALTER TABLE journal_posting DISABLE TRIGGER USER")
    changed = as_owner(
        "UPDATE journal_posting SET amount = amount * 2 WHERE entry_id IN"
        " (SELECT id FROM journal_entry WHERE tenant_id = %s AND kind = 'transfer')",
        books.tenant,
    )
    books.run("transfer", from_account="alice", to_account="fees", amount=1)

    assert changed == 2
    assert found(books, incremental=True) == []
    assert [(check, subject) for check, subject, *_ in found(books)] == [
        ("balances_equal_postings", "alice available"),
        ("balances_equal_postings", "fees#" + _stripe(books) + " available"),
    ]


def test_books_with_a_difference_are_no_point_to_go_on_from(books: Ledger) -> None:
    as_owner(ADD_FIVE, books.tenant)
    assert len(replay(books.tenant)) == 1

    assert found(books, incremental=True) == [("balances_equal_postings", "alice available", "75", "70")]


def test_a_point_of_another_server_is_none(books: Ledger) -> None:
    """A dump that was loaded elsewhere has transaction ids that mean nothing there."""
    assert replay(books.tenant) == []
    as_owner(
        "UPDATE journal_verifiedpoint SET snapshot = '9000000000000:9000000000000:' WHERE tenant_id = %s", books.tenant
    )
    as_owner("UPDATE journal_verifiedbalance SET available = 1 WHERE tenant_id = %s", books.tenant)

    assert replay(books.tenant, incremental=True) == []


def test_what_commits_late_is_replayed_however_old_its_transaction(books: Ledger) -> None:
    """A command that began before a full replay and commits after it is new to the incremental one."""
    written, verified = threading.Event(), threading.Event()

    def late() -> None:
        try:
            with transaction.atomic():
                books.run("freeze_account", account="alice", reason="a question")
                books.run("transfer", from_account="fees", to_account="alice", amount=5)
                written.set()
                assert verified.wait(20)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(late)
        assert written.wait(20)
        assert replay(books.tenant) == []
        verified.set()
        done.result()
    as_owner(
        "UPDATE accounts_balance SET status = 'open', available = 70, total_in = total_in - 5"
        " WHERE tenant_id = %s AND available = 75",
        books.tenant,
    )

    assert found(books, incremental=True) == [
        ("accounts_equal_log", f"{row_of(books, 'alice')} status", "open", "frozen"),
        ("balances_equal_postings", "alice available", "70", "75"),
    ]


def _stripe(books: Ledger) -> str:
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT stripe FROM accounts_balance WHERE tenant_id = %s AND available = 31", [books.tenant])
        return str(cursor.fetchone()[0])
