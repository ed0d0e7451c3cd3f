"""Batches that are written while they are being planned: more than a hundred accepted calls."""

import gc
import random
import threading

import pytest
from django.db import connection, connections, transaction
from pytest_django import Settings

from accounts.errors import AccountNotFound, InsufficientFunds
from accounts.models import Balance
from journal.models import Entry
from ledger_project.log.executor import MAX_BATCH, PART, BatchRefused, Call, Done, execute_bulk
from ledger_project.testing.ledger import Ledger

pytestmark = pytest.mark.slow


def transfers(ledger: Ledger, count: int, **arguments: object) -> list[Call]:
    arguments = {"from_account": "alice", "to_account": "bob", "amount": 1} | arguments
    return [ledger.call("transfer", **arguments) for _ in range(count)]


@pytest.fixture
def books(ledger: Ledger) -> Ledger:
    ledger.open("alice", funded=10_000)
    ledger.open("bob")
    return ledger


def test_each_call_sees_what_the_parts_before_it_did(books: Ledger) -> None:
    calls = transfers(books, 3 * PART, from_account="bob", to_account="alice")
    for index in range(0, len(calls), 2):
        calls[index : index + 1] = transfers(books, 1)

    results = books.execute(*calls)

    assert all(isinstance(result, Done) for result in results)
    assert books.balances()["alice"] == {"available": 10_000}
    assert "bob" not in books.balances() or not books.balance("bob")
    assert Entry.objects.filter(tenant=books.tenant, kind="transfer").count() == len(calls)


def test_refusals_are_of_the_calls_that_earned_them(books: Ledger) -> None:
    books.open("carol", funded=PART + 50)
    calls = transfers(books, 2 * PART + 10, from_account="carol")

    results = books.execute(*calls)

    assert [isinstance(result, Done) for result in results] == [n < PART + 50 for n in range(len(calls))]
    assert isinstance(results[-1], InsufficientFunds)
    assert books.balance("bob") == {"available": PART + 50}


@pytest.mark.parametrize("grouped", [True, False])
def test_refusals_leave_nothing_to_the_cycle_collector(books: Ledger, settings: Settings, grouped: bool) -> None:
    settings.GROUP_COMMIT = grouped
    books.open("carol", funded=PART)
    calls = transfers(books, 2 * PART, from_account="carol")
    gc.collect()
    gc.disable()
    try:
        assert isinstance(execute_bulk(calls)[-1], InsufficientFunds)
        for _ in range(20):
            with pytest.raises(InsufficientFunds):
                books.run("transfer", from_account="carol", to_account="bob", amount=1)

        assert gc.collect() < 2 * PART
    finally:
        gc.enable()


def test_what_an_early_part_made_is_there_for_a_late_one(books: Ledger) -> None:
    calls = [
        books.call("open_account", name="new"),
        *transfers(books, PART, to_account="new", amount=2),
        *transfers(books, PART, to_account="later"),
        *transfers(books, PART, from_account="new", amount=1),
        books.call("freeze_account", account="new", reason="seen enough"),
    ]

    results = books.execute(*calls)

    refused = {type(result) for result in results[PART + 1 : 2 * PART + 1]}
    assert refused == {AccountNotFound}
    assert sum(isinstance(result, Done) for result in results) == 2 * PART + 2
    assert books.balance("new") == {"available": PART}
    assert Balance.objects.get(tenant=books.tenant, account__name="new").status == "frozen"


def test_replays_among_new_calls_are_answered_and_not_repeated(books: Ledger) -> None:
    old = transfers(books, PART)
    first = books.execute(*old)
    mixed = [call for pair in zip(old, transfers(books, PART), strict=True) for call in pair] + old

    results = books.execute(*mixed, *transfers(books, PART))

    replays = [result for result in results if isinstance(result, Done) and result.replayed]
    assert [replay.document for replay in replays] == [done.document for done in first if isinstance(done, Done)] * 2
    assert books.balance("bob") == {"available": 3 * PART}


def test_a_key_that_an_earlier_part_spent_is_a_replay(books: Ledger) -> None:
    calls = transfers(books, 2 * PART)

    results = books.execute(*calls, *calls)

    assert [isinstance(result, Done) and result.replayed for result in results] == [False] * 2 * PART + [
        True
    ] * 2 * PART
    assert books.balance("bob") == {"available": 2 * PART}


def test_rows_that_wait_for_the_whole_batch_are_written_with_it(books: Ledger) -> None:
    def round_of_promo() -> list[Call]:
        given = books.call("promo_mint", account="alice", amount=5, expires_in=1000)
        return [given, *transfers(books, PART // 2), *transfers(books, PART // 2, to_account="bob", amount=3)]

    calls = transfers(books, PART) + round_of_promo() + round_of_promo() + round_of_promo()

    results = books.execute(*calls)

    assert all(isinstance(result, Done) for result in results)
    assert books.balance("alice")["promo"] == 15
    assert books.balance("bob") == {"available": PART + 3 * 4 * (PART // 2)}


def test_a_late_call_that_the_database_forbids_leaves_no_early_part_behind(books: Ledger) -> None:
    """The limit lowered after the draw is one step to the trigger; one by one, both are allowed."""
    drawn = [
        books.call("set_credit_limit", account="bob", credit_limit=PART),
        books.call("draw_credit", account="bob", amount=50),
        books.call("set_credit_limit", account="bob", credit_limit=10),
    ]

    results = books.execute(*transfers(books, 2 * PART), *drawn, *transfers(books, 10))

    assert all(isinstance(result, Done) for result in results), [r for r in results if not isinstance(r, Done)]
    assert not any(isinstance(result, Done) and result.replayed for result in results)
    assert Entry.objects.filter(tenant=books.tenant, kind="transfer").count() == 2 * PART + 10


def test_an_atomic_batch_and_a_rehearsal_store_nothing_in_parts(books: Ledger) -> None:
    before = books.size()

    rehearsed = books.execute(*transfers(books, 3 * PART), dry_run=True)
    with pytest.raises(BatchRefused):
        books.execute(*transfers(books, 3 * PART), *transfers(books, 1, to_account="nobody"), atomic=True)

    assert all(isinstance(result, Done) and result.dry_run for result in rehearsed)
    assert books.size() == before


def test_a_batch_in_its_callers_transaction_goes_with_it_in_parts(books: Ledger) -> None:
    before = books.size()

    with pytest.raises(RuntimeError), transaction.atomic():
        books.execute(*transfers(books, 3 * PART))
        assert books.size() != before
        raise RuntimeError("the caller changes its mind")

    assert books.size() == before
    assert books.execute(*transfers(books, 3 * PART))
    assert books.balance("bob") == {"available": 3 * PART}


@pytest.mark.parametrize("seed", range(5))
def test_a_connection_lost_between_two_parts_loses_and_repeats_nothing(books: Ledger, seed: int) -> None:
    connection.ensure_connection()
    calls = transfers(books, MAX_BATCH)
    delay = random.Random(seed).uniform(0.02, 0.3)

    def cut(pid: int) -> None:
        with connections["owner"].cursor() as owner:
            owner.execute("SELECT pg_terminate_backend(%s)", [pid])
        connections.close_all()

    cutter = threading.Timer(delay, cut, [connection.connection.info.backend_pid])
    cutter.start()
    results = books.execute(*calls)
    cutter.join()
    connection.close()

    assert all(isinstance(result, Done) for result in results)
    assert Entry.objects.filter(tenant=books.tenant, kind="transfer").count() == MAX_BATCH
    assert books.balance("bob") == {"available": MAX_BATCH}
