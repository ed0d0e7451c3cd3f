"""`make bench`: transfers through the executor against what PostgreSQL can do by itself with the same rows."""

import argparse
import itertools
import json
import os
import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import django
import psycopg

from bench.harness import Case, Ratio, report, take_turns
from ledger_project.testing.run import TestRun

RUN = TestRun.of_environment()
RUN.configure()
os.environ["DJANGO_SETTINGS_MODULE"] = "ledger_project.settings"
django.setup()

from django.conf import settings  # noqa: E402  (the settings read what RUN configured)
from django.db import connection, connections  # noqa: E402

from accounts.models import Account  # noqa: E402
from ledger_project.kernel import ids  # noqa: E402
from ledger_project.log.executor import Call, execute, execute_one  # noqa: E402
from ledger_project.testing.ledger import Ledger  # noqa: E402

ACCOUNTS = 5000
HERE = Path(__file__).parent
chance = random.Random(1)  # noqa: S311  (which accounts, not a secret)


def prepare() -> tuple[Ledger, list[str]]:
    """Funded accounts, fresh statistics, and the functions to compare with."""
    ledger = Ledger()
    names = [f"agent-{n}" for n in range(ACCOUNTS)]
    for start in range(0, ACCOUNTS, 1000):
        execute([ledger.call("ensure_account", account=n, initial_balance=10**12) for n in names[start : start + 1000]])
    ledger.open("fees", unbounded=True)
    with connections["owner"].cursor() as owner:
        owner.execute((HERE / "limits.sql").read_text(encoding="utf-8"))
        owner.execute("ANALYZE")
    return ledger, names


class Peer:
    """Plain psycopg connections, one a caller, calling the function that writes the same rows."""

    def __init__(self, ledger: Ledger, names: list[str]) -> None:
        known = dict(Account.objects.filter(tenant=ledger.tenant).values_list("name", "id"))
        self.tenant = ledger.tenant
        self.ids = [known[name] for name in names]
        self.names = names
        self.connections: dict[int, psycopg.Connection[Any]] = {}
        self.numbers = itertools.count()

    def transfer(self, caller: int) -> int:
        if caller not in self.connections:
            self.connections[caller] = psycopg.connect(
                settings.DATABASE_URL, autocommit=True, prepare_threshold=1, options="-c role=ledger_app"
            )
        payer, receiver = chance.sample(range(ACCOUNTS), 2)
        arguments = {"from_account": self.names[payer], "to_account": self.names[receiver], "amount": "5"}
        result = {"balances": [[0, 1, "1000000000000", "5", "0", "999999999995"], [1, 1, "1000000000005"]]}
        self.connections[caller].execute(
            "SELECT bench_transfer(%s, %s, %s, %s, %s, %s, %s, %s)",
            (
                self.tenant,
                ids.make(datetime.now(UTC), 0),
                f"peer-{next(self.numbers)}",
                self.ids[payer],
                self.ids[receiver],
                5,
                json.dumps(arguments),
                json.dumps(result),
            ),
        )
        return 1


def ours(ledger: Ledger, names: list[str]) -> dict[str, Any]:
    """The executor's cases."""
    numbers = itertools.count()

    def call(payer: str, receiver: str) -> Call:
        return ledger.call("transfer", key=f"k{next(numbers)}", from_account=payer, to_account=receiver, amount=5)

    def single(_: int) -> int:
        execute_one(call(*chance.sample(names, 2)))
        return 1

    def to_fees(_: int) -> int:
        execute_one(call(chance.choice(names), "fees"))
        return 1

    def from_one(_: int) -> int:
        execute_one(call(names[0], chance.choice(names[1:])))
        return 1

    def bulk(size: int) -> Any:
        def work(_: int) -> int:
            execute([call(*chance.sample(names, 2)) for _ in range(size)])
            return size

        return work

    return {"single": single, "to_fees": to_fees, "from_one": from_one, "bulk": bulk}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0)
    options = parser.parse_args()
    RUN.start()
    try:
        ledger, names = prepare()
        peer, our = Peer(ledger, names), ours(ledger, names)
        close = connections.close_all
        cases = [
            Case("PL/pgSQL function, psycopg", peer.transfer),
            Case("PL/pgSQL function, psycopg, 16", peer.transfer, callers=16),
            Case("executor, one caller", our["single"], close=close),
            Case("executor, 16 callers", our["single"], callers=16, close=close),
            Case("executor, 32 callers", our["single"], callers=32, close=close),
            Case("executor, 16 callers to one unbounded", our["to_fees"], callers=16, close=close),
            Case("executor, 16 callers from one bounded", our["from_one"], callers=16, close=close),
            Case("executor, bulk of 1,000", our["bulk"](1000), close=close),
            Case("executor, bulk of 1,000, 4 callers", our["bulk"](1000), callers=4, close=close),
        ]
        take_turns(cases, rounds=options.rounds, seconds=options.seconds)
        report(cases, RATIOS, _facts(), to=Path("bench/results/transfers.json"))
    finally:
        RUN.stop()


RATIOS = [
    Ratio("16 callers over the function at 16", "executor, 16 callers", "PL/pgSQL function, psycopg, 16", 0.9),
    Ratio("32 callers over 16", "executor, 32 callers", "executor, 16 callers", 1.0),
    Ratio("one caller over the function at one", "executor, one caller", "PL/pgSQL function, psycopg", 0.4),
    Ratio("bulk over the function at 16", "executor, bulk of 1,000", "PL/pgSQL function, psycopg, 16", 2.0),
    Ratio("bulk, 4 callers over one", "executor, bulk of 1,000, 4 callers", "executor, bulk of 1,000", 0.9),
    Ratio("one unbounded receiver over uniform", "executor, 16 callers to one unbounded", "executor, 16 callers", 0.9),
    Ratio("one bounded payer over uniform", "executor, 16 callers from one bounded", "executor, 16 callers", 0.6),
]


def _facts() -> dict[str, Any]:
    """PostgreSQL's settings that matter, and bytes a transfer."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'synchronous_commit', 'server_version')"
        )
        facts: dict[str, Any] = dict(cursor.fetchall())
        cursor.execute("SELECT count(*) FROM journal_entry")
        (entries,) = cursor.fetchone()
        cursor.execute(
            "SELECT relname, pg_relation_size(oid) FROM pg_class WHERE oid = ANY(%(tables)s::regclass[])"
            " OR oid IN (SELECT indexrelid FROM pg_index WHERE indrelid = ANY(%(tables)s::regclass[]))",
            {"tables": ["log_event", "journal_entry", "journal_posting"]},
        )
        sizes = {name: round(size / entries, 1) for name, size in cursor.fetchall()}
    print(f"bytes a transfer: {sum(sizes.values()):.0f}  " + ", ".join(f"{n} {b}" for n, b in sorted(sizes.items())))
    return facts | {"entries": entries, "bytes_a_transfer": sizes}


if __name__ == "__main__":
    main()
