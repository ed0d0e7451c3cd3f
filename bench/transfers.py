"""Transfers through the executor against what PostgreSQL can do by itself with the same rows."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from django.db import connection

from bench import hordak
from bench.books import Books, Copy, Function, chance
from bench.harness import Case, OpenLoop, Ratio, Work, report, take_turns
from ledger_project.kernel.errors import Refusal
from ledger_project.log.executor import Call, execute_bulk, execute_one

BATCH = 1000


def single(call: Callable[[], Call]) -> Work:
    def work(_: int) -> int:
        execute_one(call())
        return 1

    return work


def bulk(call: Callable[[], Call], *, refused: int = 0) -> Work:
    """A batch; that many of its calls must be refused, and nothing else goes wrong."""

    def work(_: int) -> int:
        results = execute_bulk([call() for _ in range(BATCH)])
        failed = [result for result in results if isinstance(result, Exception)]
        if len(failed) != refused or not all(isinstance(result, Refusal) for result in failed):
            raise SystemExit(f"{len(failed)} calls of a batch failed: {failed[:3]}")
        return BATCH

    return work


def one_in_a_hundred_too_much(books: Books) -> Callable[[], Call]:
    numbers = itertools.count()

    def call() -> Call:
        amount = 10**15 if next(numbers) % 100 == 0 else 5
        return books.transfer(*chance.sample(books.names, 2), amount)

    return call


def main(rounds: int, seconds: float) -> None:
    books = Books()
    before = Sizes.now()
    function, copy = Function(books), Copy(books)
    uniform = books.uniform
    hot = books.names[0]

    def ours(name: str, work: Work, callers: int = 1) -> Case:
        return Case(f"executor, {name}", work, callers=callers)

    sixteen = ours("16 callers", single(uniform), 16)
    cases = [
        Case("PL/pgSQL function", function.transfer),
        Case("PL/pgSQL function, 4 callers", function.transfer, callers=4),
        Case("PL/pgSQL function, 16 callers", function.transfer, callers=16),
        ours("one caller", single(uniform)),
        ours("4 callers", single(uniform), 4),
        sixteen,
        OpenLoop("executor, open loop at half of that rate", sixteen, 0.5),
        ours("32 callers", single(uniform), 32),
        ours("16 callers, Zipf 1.0", single(books.zipf), 16),
        ours("16 callers to one unbounded", single(lambda: books.transfer(chance.choice(books.names), "fees")), 16),
        ours("16 callers from one bounded", single(lambda: books.transfer(hot, chance.choice(books.names[1:]))), 16),
        ours("bulk of 1,000", bulk(uniform)),
        ours("bulk of 1,000, 1 % refused", bulk(one_in_a_hundred_too_much(books), refused=BATCH // 100)),
        ours("bulk of 1,000, 4 callers", bulk(uniform), 4),
        Case("COPY of the rows of 1,000", partial(copy.rows, BATCH)),
    ]
    with hordak.cases() as peers:
        cases += peers
        take_turns(cases, rounds=rounds, seconds=seconds)
    ratios = RATIOS
    if peers:
        best = max(peers, key=lambda peer: peer.rate)
        ratios = [*RATIOS, Ratio("16 callers over django-hordak's best", "executor, 16 callers", best.name, 8.0)]
    report(cases, ratios, _facts(before), to=Path("bench/results/transfers.json"))


RATIOS = [
    Ratio("16 callers over the function at 16", "executor, 16 callers", "PL/pgSQL function, 16 callers", 0.9),
    Ratio("32 callers over 16", "executor, 32 callers", "executor, 16 callers", 1.0),
    Ratio("one caller over the function at one", "executor, one caller", "PL/pgSQL function", 0.4),
    Ratio("bulk over COPY", "executor, bulk of 1,000", "COPY of the rows of 1,000", 0.35),
    Ratio("bulk over the function at 16", "executor, bulk of 1,000", "PL/pgSQL function, 16 callers", 2.0),
    Ratio(
        "bulk with 1 % refused over the function at 16",
        "executor, bulk of 1,000, 1 % refused",
        "PL/pgSQL function, 16 callers",
        2.0,
    ),
    Ratio("bulk, 4 callers over one", "executor, bulk of 1,000, 4 callers", "executor, bulk of 1,000", 0.9),
    Ratio("one unbounded receiver over uniform", "executor, 16 callers to one unbounded", "executor, 16 callers", 0.9),
    Ratio("one bounded payer over uniform", "executor, 16 callers from one bounded", "executor, 16 callers", 0.6),
]


@dataclass(frozen=True)
class Sizes:
    """What the books take on disk, by table and index, and how many entries they have."""

    entries: int
    bytes: dict[str, int]

    @classmethod
    def now(cls) -> "Sizes":
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM journal_entry")
            (entries,) = cursor.fetchone()
            cursor.execute(
                "SELECT relname, pg_relation_size(oid) FROM pg_class WHERE oid = ANY(%(tables)s::regclass[])"
                " OR oid IN (SELECT indexrelid FROM pg_index WHERE indrelid = ANY(%(tables)s::regclass[]))",
                {"tables": ["log_event", "journal_entry", "journal_posting"]},
            )
            return cls(entries, dict(cursor.fetchall()))

    def each_since(self, before: "Sizes") -> dict[str, float]:
        """Bytes of each entry that was written since."""
        written = self.entries - before.entries
        return {name: round((size - before.bytes[name]) / written, 1) for name, size in sorted(self.bytes.items())}


def _facts(before: Sizes) -> dict[str, Any]:
    """PostgreSQL's settings that matter, and bytes a transfer."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'synchronous_commit', 'server_version')"
        )
        facts: dict[str, Any] = dict(cursor.fetchall())
    now = Sizes.now()
    each = now.each_since(before)
    print(f"bytes a transfer: {sum(each.values()):.0f}  " + ", ".join(f"{name} {size}" for name, size in each.items()))
    return facts | {"entries": now.entries, "bytes_a_transfer": each}
