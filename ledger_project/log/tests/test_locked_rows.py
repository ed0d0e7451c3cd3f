"""Rows that somebody else holds: whoever needs them waits apart, and everybody else is served meanwhile."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from functools import partial

import pytest
from django.db import connection, connections, transaction

from ledger_project.kernel.errors import Busy, TimedOut
from ledger_project.log import deadline, executor
from ledger_project.log.executor import Done, execute, execute_bulk, execute_free, execute_one, look
from ledger_project.testing.crowd import together
from ledger_project.testing.ledger import Ledger

pytestmark = pytest.mark.slow

OTHERS = 8


class Waiting:
    """Calls on threads of their own, and what becomes of them."""

    def __init__(self, *actions: partial[object], seconds: float = 30) -> None:
        self.results: list[object] = []
        self.threads = [threading.Thread(target=self._act, args=(action, seconds)) for action in actions]
        for thread in self.threads:
            thread.start()

    def _act(self, action: partial[object], seconds: float) -> None:
        try:
            with deadline.within(seconds):
                self.results.append(action())
        except Exception as error:
            self.results.append(error)
        finally:
            connections.close_all()

    def end(self) -> list[object]:
        for thread in self.threads:
            thread.join(60)
        return self.results


@pytest.fixture
def books(ledger: Ledger) -> Iterator[Ledger]:
    ledger.open("alice", "bob", *[f"payer-{n}" for n in range(OTHERS)], funded=1000)
    ledger.open("shop")
    yield ledger
    assert executor.parking.parked == 0
    executor.parking.limit = 0


def pay(ledger: Ledger, payer: str, receiver: str = "shop", **options: str) -> partial[Done]:
    return partial(ledger.run, "transfer", from_account=payer, to_account=receiver, amount=1, **options)


def await_parked(count: int) -> None:
    until = time.monotonic() + 20
    while executor.parking.parked < count:
        assert time.monotonic() < until
        time.sleep(0.01)


def everybody_else_pays(ledger: Ledger) -> None:
    outcomes = together([pay(ledger, f"payer-{n % OTHERS}") for n in range(4 * OTHERS)])
    assert [each for each in outcomes if not isinstance(each, Done)] == []


def test_one_locked_row_stops_nobody_who_does_not_need_it(books: Ledger) -> None:
    with books.locked("alice"):
        waiting = Waiting(*[pay(books, "alice")] * 3)
        await_parked(3)
        everybody_else_pays(books)
        assert waiting.results == []
    assert all(isinstance(result, Done) for result in waiting.end())
    assert books.balance("alice") == {"available": 997}


def test_who_waits_for_one_row_holds_no_other(books: Ledger) -> None:
    with books.locked("alice"):
        waiting = Waiting(pay(books, "bob", "alice"), pay(books, "alice", "bob"))
        await_parked(2)
        for _ in range(5):
            pay(books, "bob")()
    assert all(isinstance(result, Done) for result in waiting.end())
    assert books.balance("bob") == {"available": 995}


def test_there_are_so_many_places_and_whoever_comes_then_is_told_at_once(books: Ledger) -> None:
    executor.parking.limit = 4
    with books.locked("alice"):
        waiting = Waiting(*[pay(books, "alice")] * 2)
        await_parked(2)
        with pytest.raises(Busy) as refused:
            pay(books, "alice")()
        assert "too many" in refused.value.facts["reason"]
        everybody_else_pays(books)
    assert all(isinstance(result, Done) for result in waiting.end())
    assert books.balance("alice") == {"available": 998}


def test_a_row_that_stays_locked_is_waited_for_until_the_deadline(books: Ledger) -> None:
    before = books.size()
    with books.locked("alice"):
        assert isinstance(Waiting(pay(books, "alice"), seconds=0.5).end()[0], Busy)
        with deadline.within(0.5), pytest.raises(Busy):
            execute([books.call("transfer", from_account="alice", to_account="shop", amount=1)], atomic=True)
        with deadline.within(0.5), pytest.raises(Busy):
            execute_one(books.call("transfer", from_account="alice", to_account="shop", amount=1), dry_run=True)
    assert books.size() == before


def test_of_a_bulk_the_rest_is_carried_out_and_what_follows_in_it_keeps_its_order(books: Ledger) -> None:
    calls = [
        books.call("transfer", from_account="payer-1", to_account="shop", amount=1),
        books.call("transfer", from_account="alice", to_account="bob", amount=1000),
        books.call("transfer", from_account="bob", to_account="shop", amount=2000),  # pays with what alice gave
        books.call("transfer", from_account="payer-2", to_account="payer-3", amount=1),
    ]
    with books.locked("alice"):
        waiting = Waiting(partial(execute_bulk, calls))
        await_parked(1)
        assert books.balance("payer-3") == {"available": 1001}
        assert books.balance("payer-1") == {"available": 999}
        assert books.balance("bob") == {"available": 1000}
    [results] = waiting.end()
    assert isinstance(results, list)
    assert [type(result) for result in results] == [Done] * 4
    assert [result.document["payload"]["amount"] for result in results] == ["1", "1000", "2000", "1"]
    assert books.balance("bob") == {}


def test_a_batch_that_cannot_be_parted_waits_without_holding_anything(books: Ledger) -> None:
    calls = [
        books.call("transfer", from_account="bob", to_account="shop", amount=1),
        books.call("transfer", from_account="alice", to_account="shop", amount=1),
    ]
    with books.locked("alice"):
        waiting = Waiting(partial(execute, calls, atomic=True))
        await_parked(1)
        pay(books, "bob")()
    [results] = waiting.end()
    assert isinstance(results, list)
    assert all(isinstance(result, Done) for result in results)
    assert books.balance("bob") == {"available": 998}


def test_a_sweeper_passes_over_what_is_locked(books: Ledger) -> None:
    calls = [
        books.call("transfer", from_account=payer, to_account=receiver, amount=1)
        for payer, receiver in [("alice", "shop"), ("bob", "payer-1")]
    ]
    with books.locked("alice"):
        first, second = execute_free(calls)
    assert isinstance(first, Busy)
    assert isinstance(second, Done)


def test_a_call_that_hangs_elsewhere_is_waited_for_by_its_key(books: Ledger) -> None:
    """It was inserted and not committed, by a server that does not go on: those who repeat it wait, and nobody else."""
    begun, go_on = threading.Event(), threading.Event()

    def hang() -> None:
        with transaction.atomic():
            books.run("open_account", key="twin", name="carol", currency="CRD")
            begun.set()
            go_on.wait(30)

    first = Waiting(partial(hang))
    assert begun.wait(20)
    try:
        waiting = Waiting(*[partial(books.run, "open_account", key="twin", name="carol", currency="CRD")] * 2)
        await_parked(2)
        everybody_else_pays(books)
        assert waiting.results == []
    finally:
        go_on.set()
    assert first.end() == [None]
    assert all(isinstance(result, Done) and result.replayed for result in waiting.end())


def test_a_server_process_that_hangs_stops_its_own_batch_and_no_other(books: Ledger) -> None:
    stopped: list[int] = []

    def call_and_hang() -> object:
        connection.ensure_connection()
        stopped.append(connection.connection.info.backend_pid)
        os.kill(stopped[0], signal.SIGSTOP)
        return pay(books, "alice")()

    waiting = Waiting(partial(call_and_hang), seconds=6)
    try:
        while not stopped:
            time.sleep(0.01)
        time.sleep(0.1)
        everybody_else_pays(books)
        assert waiting.results == []
        assert isinstance(waiting.end()[0], TimedOut)
    finally:
        os.kill(stopped[0], signal.SIGCONT)
    assert books.balance("payer-0") == {"available": 996}


def test_a_row_is_one_whatever_leads_to_it(books: Ledger) -> None:
    """An account by its name, by its id, and as the one that a hold is captured for."""
    hold = books.answer("place_hold", account="bob", amount=5)["hold"]["id"]
    account = look("SELECT id FROM accounts_account WHERE tenant_id = %s AND name = 'alice'", (books.tenant,))[0][0]
    with books.locked("alice"):
        waiting = Waiting(
            pay(books, "alice"),
            pay(books, f"acc_{account.hex}"),
            partial(books.run, "capture_hold", hold=hold, to_account="alice"),
        )
        await_parked(3)
        assert executor.parking.waited_for(books.tenant) == {("balance", (account, 0))}
        everybody_else_pays(books)
    assert all(isinstance(result, Done) for result in waiting.end())
    assert books.balance("alice") == {"available": 1003}


def test_every_statement_that_locks_can_be_asked_what_is_free(books: Ledger) -> None:
    """Also where one reference leads to rows of several kinds."""
    hold = books.answer("place_hold", account="alice", amount=5)["hold"]["id"]
    capture = books.call("capture_hold", hold=hold, to_account="shop")
    with books.locked("alice"):
        assert isinstance(execute_free([capture])[0], Busy)
    assert isinstance(execute_free([capture])[0], Done)
    assert look("SHOW lock_timeout", ()) == [("10s",)]
