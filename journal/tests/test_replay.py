"""replay: the stored balances are what the postings say, and a planted fault is named."""

import pytest
from django.core.management import call_command
from django.db import connections

from journal.replay import replay
from ledger_project.testing.ledger import Ledger


@pytest.fixture
def books(ledger: Ledger) -> Ledger:
    ledger.open("alice", funded=100)
    ledger.open("fees", type="revenue", unbounded=True)
    ledger.run("transfer", from_account="alice", to_account="fees", amount=30)
    return ledger


def test_clean_books_have_no_difference(books: Ledger) -> None:
    assert replay(books.tenant) == []


def test_a_changed_balance_is_named(books: Ledger, capsys: pytest.CaptureFixture[str]) -> None:
    with connections["owner"].cursor() as owner:
        owner.execute(
            "UPDATE accounts_balance SET available = available + 5, total_in = total_in + 5"
            " WHERE tenant_id = %s AND available = 70",
            [books.tenant],
        )

    differences = replay(books.tenant)

    assert [(each.check, each.subject, each.stored, each.replayed) for each in differences] == [
        ("balances_equal_postings", "alice available", 75, 70)
    ]


def test_the_command_exits_1_on_a_difference(books: Ledger) -> None:
    with connections["owner"].cursor() as owner:
        owner.execute("UPDATE accounts_balance SET version = version + 1 WHERE tenant_id = %s", [books.tenant])

    with pytest.raises(SystemExit) as stopped:
        call_command("replay", tenant=f"{_slug(books)}", json=True)

    assert stopped.value.code == 1


def _slug(books: Ledger) -> str:
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT slug FROM accounts_tenant WHERE id = %s", [books.tenant])
        return str(cursor.fetchone()[0])
