"""Many transfers at once, copied into the tables as the executor would have left them, but for the events' hashes."""

import random
import uuid
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any

from django.db import connections

from accounts.models import Balance
from ledger_project.kernel import ids
from ledger_project.log.executor import execute
from ledger_project.testing.ledger import Ledger

AMOUNT = 5
FUNDS = 10**12  # of each account: more than it will ever pay
TABLES = ("log_event", "journal_entry", "journal_posting")


Rows = Iterator[tuple[Any, ...]]
Watch = Callable[[str, int, Rows], Rows]  # passes on the rows of a table, so many in all


def _unwatched(table: str, count: int, rows: Rows) -> Rows:
    return rows


def copy_transfers(
    ledger: Ledger, *, accounts: int, transfers: int, one_payer: bool = False, watch: Watch = _unwatched
) -> None:
    """Open the accounts by commands, and copy transfers between them; triggers are off, and stay off.

    With `one_payer` the first account pays all of them.
    """
    names = [f"agent-{n}" for n in range(accounts)]
    for (start,) in watch("accounts", len(range(0, accounts, 1000)), ((n,) for n in range(0, accounts, 1000))):
        execute([ledger.call("ensure_account", account=n, initial_balance=FUNDS) for n in names[start : start + 1000]])
    rows: Any = Balance.objects.filter(tenant=ledger.tenant, unbounded=False).values_list(
        "account_id", "account__name", "available", "version", "total_in", "total_out"
    )
    books = {account: [name, *map(int, numbers)] for account, name, *numbers in rows}
    known = list(books)
    if one_payer:
        known.sort(key=lambda account: books[account][0] != names[0])
    moves = partial(_moves, known, transfers, first=ids.make(_AT, 0).int, one_payer=one_payer)
    with connections["owner"].cursor() as owner:
        for table in TABLES:
            owner.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        entries = ((event, ledger.tenant, "transfer", _AT, "", "{}", "{}") for event, *_ in moves())
        _copy(owner, _EVENTS, watch("events", transfers, _events(ledger.tenant, books, moves())))
        _copy(owner, _ENTRIES, watch("entries", transfers, entries))
        _copy(owner, _POSTINGS, watch("postings", 2 * transfers, _postings(books, moves())))
        owner.execute(_LEFT)
        _copy(owner, "left_over", ((account, *numbers) for account, (_, *numbers) in books.items()))
        owner.execute(_BALANCES)


_LEFT = """
CREATE TEMP TABLE left_over (account_id uuid, available numeric, version bigint, total_in numeric, total_out numeric)
"""
_BALANCES = """
UPDATE accounts_balance AS balance
   SET available = moved.available, version = moved.version, total_in = moved.total_in, total_out = moved.total_out
  FROM left_over AS moved WHERE balance.account_id = moved.account_id AND balance.stripe = 0;
DROP TABLE left_over
"""
Move = tuple[uuid.UUID, uuid.UUID, uuid.UUID]  # event, payer, receiver
_AT = datetime(2026, 1, 1, tzinfo=UTC)
_EVENTS = "log_event (id, tenant_id, type, command, idempotency_key, actor, payload, result, content_hash, recorded_at)"
_ENTRIES = 'journal_entry (id, tenant_id, kind, effective_at, description, "references", metadata)'
_POSTINGS = "journal_posting (entry_id, seq, account_id, stripe, bucket, amount, balance_after, version)"


def _moves(accounts: list[uuid.UUID], count: int, *, first: int, one_payer: bool) -> Iterator[Move]:
    """The same every time, so that they need not be kept."""
    chance = random.Random(1)
    for number in range(count):
        payer, receiver = (accounts[0], chance.choice(accounts[1:])) if one_payer else chance.sample(accounts, 2)
        yield uuid.UUID(int=first + number), payer, receiver


def _events(tenant: int, books: dict[uuid.UUID, list[Any]], moves: Iterable[Move]) -> Rows:
    for number, (event, payer, receiver) in enumerate(moves):
        payload = f'{{"from_account":"{books[payer][0]}","to_account":"{books[receiver][0]}","amount":"{AMOUNT}"}}'
        result = '{"balances":[[0,1,"1000000000000","5","0","999999999995"],[1,1,"1000000000005"]]}'
        row = event, tenant, "transfer.posted", "transfer", f"copied-{number}", "bench", payload, result
        yield (*row, b"", _AT)


def _postings(books: dict[uuid.UUID, list[Any]], moves: Iterable[Move]) -> Rows:
    """Both legs of each move, and what they leave: available, version, in and out of each account in `books`."""
    for event, payer, receiver in moves:
        for seq, (account, amount) in enumerate(((payer, AMOUNT), (receiver, -AMOUNT))):
            book = books[account]
            book[1], book[2] = book[1] - amount, book[2] + 1
            book[3 if amount < 0 else 4] += AMOUNT
            yield event, seq, account, 0, 0, amount, book[1], book[2]


def _copy(owner: Any, columns: str, rows: Rows) -> None:
    with owner.copy(f"COPY {columns} FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)
