"""Group commit: callers at the same moment share a batch, each gets its own answer, a poisoned call fails alone."""

import threading
import time
from collections import Counter
from collections.abc import Sequence
from functools import partial

import pytest

from accounts.errors import InsufficientFunds
from ledger_project.log.executor import Done, execute_bulk
from ledger_project.log.grouping import Group
from ledger_project.testing.crowd import together
from ledger_project.testing.ledger import Ledger


class Recorder:
    """Executes calls slowly and remembers the batches."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.at_once = self.most_at_once = 0
        self._lock = threading.Lock()

    def __call__(self, calls: Sequence[int]) -> list[int]:
        with self._lock:
            self.batches.append(list(calls))
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        time.sleep(0.01)
        with self._lock:
            self.at_once -= 1
        if -1 in calls:
            raise ValueError("poison")
        return [call * 2 for call in calls]


def test_everybody_gets_their_own_result() -> None:
    execute = Recorder()
    group: Group[int, int] = Group(execute, limit=8)

    results = together([partial(group.submit, n, "family") for n in range(1, 65)])

    assert results == [n * 2 for n in range(1, 65)]
    assert sorted(n for batch in execute.batches for n in batch) == list(range(1, 65))
    assert max(map(len, execute.batches)) <= 8
    assert len(execute.batches) < 64
    assert execute.most_at_once == 1


def test_a_batch_has_no_more_than_the_limit_by_weight() -> None:
    batches: list[int] = []

    def execute(bulks: Sequence[list[int]]) -> list[int]:
        batches.append(sum(map(len, bulks)))
        time.sleep(0.01)
        return [sum(bulk) for bulk in bulks]

    group: Group[list[int], int] = Group(execute, limit=10, weigh=len)
    bulks = [[n] * (1 + n % 12) for n in range(32)]

    results = together([partial(group.submit, bulk, "family") for bulk in bulks])

    assert results == [sum(bulk) for bulk in bulks]
    assert sum(batches) == sum(map(len, bulks))
    assert sorted(size for size in batches if size > 10) == sorted(len(bulk) for bulk in bulks if len(bulk) > 10)
    assert len(batches) < len(bulks)


def test_families_are_not_mixed() -> None:
    execute = Recorder()
    group: Group[int, int] = Group(execute, limit=64)

    together([partial(group.submit, n, n % 2) for n in range(1, 33)])

    assert all(len({n % 2 for n in batch}) == 1 for batch in execute.batches)
    assert execute.most_at_once == 2


def test_callers_that_come_right_back_share_one_batch_each_time() -> None:
    """All but the first batch have everyone; those who came while it was executed would else be every other batch."""
    execute = Recorder()
    group: Group[int, int] = Group(execute, limit=64)

    def come_back() -> None:
        for n in range(1, 21):
            group.submit(n, "family")

    together([come_back] * 8)

    assert sum(map(len, execute.batches)) == 160
    assert sum(len(batch) == 8 for batch in execute.batches) > len(execute.batches) / 2


def test_a_leader_does_not_wait_for_those_who_stay_away() -> None:
    execute = Recorder()
    group: Group[int, int] = Group(execute, limit=64)
    together([partial(group.submit, n, "family") for n in range(1, 9)])

    assert group.submit(5, "family") == 10
    assert group.submit(6, "family") == 12
    assert execute.batches[-2:] == [[5], [6]]


def test_what_execute_raises_reaches_everyone_and_the_place_is_free_again() -> None:
    group: Group[int, int] = Group(Recorder(), limit=64)

    results = together([partial(group.submit, n, "family") for n in (-1, -1, -1, -1)])

    assert {type(result) for result in results} == {ValueError}
    assert group.submit(4, "family") == 8


def test_a_caller_alone_executes_on_its_own_thread() -> None:
    threads = []
    group: Group[int, int] = Group(lambda calls: [threads.append(threading.get_ident()) or 1 for _ in calls], limit=64)

    group.submit(1, "family")

    assert threads == [threading.get_ident()]


@pytest.mark.parametrize("grouped", [True, False])
def test_refusals_and_accepts_of_one_moment_are_each_their_own(ledger: Ledger, settings, grouped: bool) -> None:  # type: ignore[no-untyped-def]
    settings.GROUP_COMMIT = grouped
    ledger.open("rich", funded=1000)
    ledger.open("poor", "shop")
    payers = ["rich", "poor"] * 16

    results = together(
        [partial(ledger.run, "transfer", from_account=payer, to_account="shop", amount=10) for payer in payers]
    )

    for payer, result in zip(payers, results, strict=True):
        assert isinstance(result, InsufficientFunds) == (payer == "poor")
    assert Counter(map(type, results))[InsufficientFunds] == 16
    assert ledger.balance("shop") == {"available": 160}


@pytest.mark.parametrize("grouped", [True, False])
def test_bulks_of_one_moment_each_get_their_own_results(ledger: Ledger, settings, grouped: bool) -> None:  # type: ignore[no-untyped-def]
    settings.GROUP_COMMIT = grouped
    ledger.open("rich", funded=10_000)
    ledger.open("poor", "shop")

    def bulk(size: int) -> list[bool]:
        payers = ["rich", "poor"] * size
        calls = [ledger.call("transfer", from_account=payer, to_account="shop", amount=1) for payer in payers]
        return [isinstance(result, InsufficientFunds) for result in execute_bulk(calls)]

    sizes = list(range(1, 400, 40))

    assert together([partial(bulk, size) for size in sizes]) == [[False, True] * size for size in sizes]
    assert ledger.balance("shop") == {"available": sum(sizes)}


def test_a_rehearsed_bulk_is_of_itself_alone(ledger: Ledger) -> None:
    ledger.open("alice", funded=10)
    ledger.open("bob")
    calls = [ledger.call("transfer", from_account="alice", to_account="bob", amount=10)]

    first, second = execute_bulk(calls, dry_run=True), execute_bulk(calls, dry_run=True)

    assert isinstance(first[0], Done)
    assert isinstance(second[0], Done)
    assert ledger.balance("alice") == {"available": 10}
