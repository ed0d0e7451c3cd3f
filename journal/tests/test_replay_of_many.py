"""replay of many postings: nothing it does grows with what it finds. `make bench-replay` does it with a million."""

import tracemalloc
from collections.abc import Iterator

import pytest
from django.db import connections

from journal.replay import replayed
from ledger_project.testing.copying import copy_transfers
from ledger_project.testing.databases import own_database
from ledger_project.testing.ledger import Ledger

pytestmark = pytest.mark.slow

ACCOUNTS, TRANSFERS = 4000, 10_000


@pytest.fixture(scope="module")
def books() -> Iterator[Ledger]:
    with own_database():
        ledger = Ledger()
        copy_transfers(ledger, accounts=ACCOUNTS, transfers=TRANSFERS)
        yield ledger


def count_and_peak() -> tuple[int, int]:
    """How many differences there are, and the most memory that reading them took, in bytes."""
    tracemalloc.start()
    count = sum(1 for _, found in replayed() for _ in found)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return count, peak


def spoil(accounts: int) -> None:
    """Move one unit of so many balances from one bucket to another, behind the ledger's back."""
    with connections["owner"].cursor() as owner:
        owner.execute(
            "UPDATE accounts_balance SET available = available - 1, fee_pool = fee_pool + 1 WHERE account_id IN"
            " (SELECT account_id FROM accounts_balance WHERE NOT unbounded AND fee_pool = 0 ORDER BY 1 LIMIT %s)",
            [accounts],
        )


def test_copied_books_are_sound_and_thousands_of_differences_need_no_more_memory_than_a_few(books: Ledger) -> None:
    assert count_and_peak()[0] == 0  # and whatever is imported or prepared once, is
    spoil(100)
    few, peak_of_few = count_and_peak()
    spoil(ACCOUNTS - 100)
    many, peak_of_many = count_and_peak()

    assert (few, many) == (2 * 100, 2 * ACCOUNTS)
    assert peak_of_many < peak_of_few + 50_000
