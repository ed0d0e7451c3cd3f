"""What replay says of rows that somebody changed, put in or took out: the check, the table, the row and the column."""

from collections.abc import Iterator

import pytest
from django.db import connections

from journal.external.tests.story import Bank
from journal.reconciliation import notify, running
from journal.replay import replay
from ledger_project.testing.databases import own_database
from ledger_project.testing.ledger import Ledger

pytestmark = pytest.mark.slow

SPOILED = (
    *("accounts_account", "accounts_apikey", "accounts_balance", "journal_externalline", "journal_reconciliationrun"),
    *("log_event", "holds_deposit"),
)
Told = list[tuple[str, str, str, str]]


@pytest.fixture
def books() -> Iterator[Ledger]:
    """In a database of their own, without triggers."""
    with own_database():
        with connections["owner"].cursor() as owner:
            for table in SPOILED:
                owner.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        yield Ledger()


def spoil(statement: str) -> None:
    with connections["owner"].cursor() as owner:
        owner.execute(statement)
        assert owner.rowcount == 1, statement


def told(books: Ledger, *, incremental: bool = False) -> Told:
    found = replay(books.tenant, incremental=incremental)
    return sorted((each.check, each.subject, each.stored, each.replayed) for each in found)


def key_of(books: Ledger, name: str) -> str:
    key = books.answer("issue_api_key", name=name, prefix="0" * 12, digest=name * 64, scopes=["journal.transfer"])
    return str(key["api_key"]["id"])


def test_a_changed_column_is_told_by_its_name(books: Ledger) -> None:
    alice = books.answer("open_account", name="alice", metadata={"team": "blue"})["account"]["id"]
    spoil('UPDATE accounts_account SET metadata = \'{"team": "red"}\'')

    assert told(books) == [
        ("accounts_equal_log", f"accounts_account {alice} metadata", '{"team": "red"}', '{"team": "blue"}')
    ]


def test_a_key_that_was_revoked_stays_revoked(books: Ledger) -> None:
    key = key_of(books, "a")
    revoked = books.answer("revoke_api_key", api_key=key)["api_key"]["revoked_at"]
    spoil("UPDATE accounts_apikey SET revoked_at = NULL")

    ((check, subject, stored, replayed),) = told(books)
    assert (check, subject, stored) == ("api_keys_equal_log", f"accounts_apikey {key} revoked_at", "nothing")
    assert replayed[:10] == revoked[:10]


def test_a_row_put_in_has_no_event_and_one_taken_out_has(books: Ledger) -> None:
    kept, gone = key_of(books, "a"), key_of(books, "b")
    spoil(f"DELETE FROM accounts_apikey WHERE id = '{gone[4:]}'")
    spoil(
        "INSERT INTO accounts_apikey (id, tenant_id, name, prefix, digest, scopes, created_at, lineage, identity)"
        f" SELECT '{'c' * 32}', tenant_id, 'mine', '', sha256('mine'), '[\"*\"]', now(), '{{}}', 'me'"
        " FROM accounts_apikey"
        f" WHERE id = '{kept[4:]}'"
    )

    assert told(books) == sorted(
        [
            ("api_keys_equal_log", f"accounts_apikey {gone}", "nothing", "a row"),
            ("api_keys_equal_log", f"accounts_apikey key_{'c' * 32}", "a row", "nothing"),
        ]
    )


def test_an_incremental_replay_looks_at_the_rows_that_events_since_tell_of(books: Ledger) -> None:
    books.open("bob")
    old, new = key_of(books, "a"), ""
    assert told(books) == []
    new = key_of(books, "b")
    spoil(f"UPDATE accounts_apikey SET name = 'x' WHERE id = '{old[4:]}'")
    spoil(f"UPDATE accounts_apikey SET name = 'y' WHERE id = '{new[4:]}'")

    assert told(books, incremental=True) == [("api_keys_equal_log", f"accounts_apikey {new} name", "y", "b")]
    assert [subject for _, subject, *_ in told(books)] == sorted(f"accounts_apikey {key} name" for key in (old, new))


def test_a_statement_from_before_its_lines_were_hashed_is_held_by_their_sums(books: Ledger) -> None:
    bank = Bank(books)
    bank.book(30, reference="r-1")
    statement = bank.say("1,30,r-1,a payment", "2,40,,another")
    bank.match(statement)
    with connections["owner"].cursor() as owner:
        owner.execute("UPDATE log_event SET result = (result::jsonb - 'kept')::json WHERE result -> 'kept' IS NOT NULL")
        assert owner.rowcount == 2
    assert told(books) == []

    spoil("UPDATE journal_externalline SET reference = 'r-9' WHERE number = 1")
    assert told(books) == []
    spoil("UPDATE journal_externalline SET amount = 41 WHERE number = 2")

    ((check, subject, stored, replayed),) = told(books)
    assert (check, subject) == ("external_lines_equal_log", f"journal_externalline {statement}/*")
    assert stored.startswith("2 lines, 2026-10-01 to 2026-10-02, 71 in, 0 out")
    assert replayed == "2 lines, 2026-10-01 to 2026-10-02, 70 in, 0 out"


def test_a_run_that_told_of_differences_keeps_saying_so(books: Ledger) -> None:
    books.open("alice", funded=100)
    spoil("UPDATE accounts_balance SET available = 105, total_in = total_in + 5 WHERE available = 100")
    run = books.answer("request_reconciliation")["reconciliation"]["id"]
    running.run_waiting()
    notify.tell()
    spoil("UPDATE accounts_balance SET available = 100, total_in = total_in - 5 WHERE available = 105")
    assert told(books) == []

    spoil("UPDATE journal_reconciliationrun SET mismatches = 9")

    assert told(books) == [
        ("reconciliations_equal_log", f"journal_reconciliationrun {run} mismatches", "9", "2"),
    ]
