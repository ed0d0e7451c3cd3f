"""Books to measure on, and PostgreSQL's own way to write the same rows."""

import hashlib
import itertools
import json
import random
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings
from django.db import connections

from accounts.models import Account
from ledger_project.kernel import ids
from ledger_project.log.executor import Call, execute
from ledger_project.testing.ledger import Ledger

ACCOUNTS = 5000
HERE = Path(__file__).parent
chance = random.Random(1)  # noqa: S311  (which accounts, not a secret)
Pair = Callable[[], tuple[int, int]]  # numbers of a payer and a receiver


class Books:
    """Funded accounts, fresh statistics, and the functions to compare with."""

    def __init__(self, accounts: int = ACCOUNTS) -> None:
        self.ledger = ledger = Ledger()
        self.names = [f"agent-{n}" for n in range(accounts)]
        for start in range(0, accounts, 1000):
            opened = self.names[start : start + 1000]
            execute([ledger.call("ensure_account", account=name, initial_balance=10**12) for name in opened])
        ledger.open("fees", unbounded=True)
        analyse()
        self._numbers = itertools.count()

    def transfer(self, payer: str, receiver: str, amount: int = 5) -> Call:
        key = f"k{next(self._numbers)}"
        return self.ledger.call("transfer", key=key, from_account=payer, to_account=receiver, amount=amount)

    def uniform(self) -> Call:
        return self.transfer(*chance.sample(self.names, 2))

    def zipf(self) -> Call:
        """Payer and receiver by Zipf's law with exponent 1.0: the first account has a ninth of all."""
        payer = receiver = self._by_zipf()
        while receiver == payer:
            receiver = self._by_zipf()
        return self.transfer(payer, receiver)

    def _by_zipf(self) -> str:
        return self.names[int(len(self.names) ** chance.random()) - 1]  # the inverse of a logarithmic distribution


def analyse() -> None:
    with connections["owner"].cursor() as owner:
        owner.execute((HERE / "limits.sql").read_text(encoding="utf-8"))
        owner.execute("ANALYZE")


class Function:
    """One PL/pgSQL call a transfer, over plain psycopg connections, one a caller."""

    def __init__(self, books: Books) -> None:
        known = dict(Account.objects.filter(tenant=books.ledger.tenant).values_list("name", "id"))
        self.tenant, self.names = books.ledger.tenant, books.names
        self.ids = [known[name] for name in books.names]
        self.connections: dict[int, psycopg.Connection[Any]] = {}
        self._numbers = itertools.count()

    def transfer(self, caller: int) -> int:
        if caller not in self.connections:
            self.connections[caller] = psycopg.connect(
                settings.DATABASE_URL, autocommit=True, prepare_threshold=1, options="-c role=ledger_app"
            )
        arguments = (self.tenant, *self.arguments())
        self.connections[caller].execute("SELECT bench_transfer(%s, %s, %s, %s, %s, %s, %s, %s)", arguments)
        return 1

    def arguments(self) -> tuple[Any, ...]:
        """Of one call: what the executor would write for it, without the work of finding it out."""
        payer, receiver = chance.sample(range(len(self.ids)), 2)
        arguments = {"from_account": self.names[payer], "to_account": self.names[receiver], "amount": "5"}
        result = {"balances": [[0, 1, "1000000000000", "5", "0", "999999999995"], [1, 1, "1000000000005"]]}
        key = f"peer-{next(self._numbers)}"
        at = ids.make(datetime.now(UTC), 0)
        return at, key, self.ids[payer], self.ids[receiver], 5, json.dumps(arguments), json.dumps(result)


class Copy:
    """The rows of transfers by COPY, already decided: what writing alone can do."""

    def __init__(self, books: Books) -> None:
        self._function = Function(books)
        self._connection: psycopg.Connection[Any] | None = None
        self._versions = itertools.count(1)

    def rows(self, count: int, _: int) -> int:
        if self._connection is None:
            self._connection = psycopg.connect(settings.DATABASE_URL, options="-c role=ledger_app")
        tenant = self._function.tenant
        events, entries, postings = [], [], []
        for version in itertools.islice(self._versions, count):
            event, key, payer, receiver, amount, arguments, result = self._function.arguments()
            digest = "\\\\x" + hashlib.sha256(f"{arguments}{result}".encode()).hexdigest()
            events.append(
                f"{event}\t{tenant}\ttransfer.posted\ttransfer\t{key}\tbench\t{arguments}\t{result}\t{digest}\n"
            )
            entries.append(f"{event}\t{tenant}\ttransfer\tnow\t\t{{}}\t{{}}\n")
            postings.append(f"{event}\t0\t{payer}\t0\t0\t{amount}\t999999999995\t{version}\n")
            postings.append(f"{event}\t1\t{receiver}\t0\t0\t-{amount}\t1000000000005\t{version}\n")
        with self._connection.cursor() as cursor:
            for target, lines in zip(COPIED, (events, entries, postings), strict=True):
                with cursor.copy(f"COPY {target} FROM STDIN") as copy:
                    copy.write("".join(lines))
        self._connection.commit()
        return count


COPIED = (
    "bench_event (id, tenant_id, type, command, idempotency_key, actor, payload, result, content_hash)",
    'bench_entry (id, tenant_id, kind, effective_at, description, "references", metadata)',
    "bench_posting (entry_id, seq, account_id, stripe, bucket, amount, balance_after, version)",
)
