"""A tenant of its own for each test, and short words to talk about its books."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connections, transaction
from django.db.models import Sum

from accounts.answers import answer
from accounts.models import Balance
from journal.models import Posting
from ledger_project.log.caller import Caller
from ledger_project.log.command import COMMANDS
from ledger_project.log.executor import Call, Done, execute, execute_one, look
from ledger_project.log.executor import Result as ExecutorResult
from ledger_project.log.models import Event
from ledger_project.testing.factories import TenantFactory

TEST = Caller.system("test")
BUCKETS = ("available", "held", "escrowed", "bonded", "fee_pool", "promo", "credit_used")


class Ledger:
    """One tenant's ledger. `run` gives every call a fresh key; name one to repeat a call."""

    def __init__(self, *, currency: str | None = "CRD", scale: int = 0) -> None:
        self.tenant = TenantFactory.create().pk
        self._keys = (f"key-{n}" for n in itertools.count())
        if currency:
            self.run("register_currency", code=currency, scale=scale)

    def run(self, command: str, /, *, key: str | None = None, dry_run: bool = False, **arguments: Any) -> Done:
        return execute_one(self.call(command, key=key, **arguments), dry_run=dry_run)

    def call(self, command: str, /, *, key: str | None = None, **arguments: Any) -> Call:
        return Call.of(self.tenant, TEST, key or next(self._keys), COMMANDS[command], arguments)

    def execute(self, *calls: Call, **options: Any) -> list[ExecutorResult]:
        return execute(calls, **options)

    def answer(self, command: str, /, **arguments: Any) -> dict[str, Any]:
        """What the API would answer."""
        return answer(self.run(command, **arguments), look)

    def open(self, *names: str, funded: int = 0, **options: Any) -> None:
        for name in names:
            self.run("open_account", name=name, **options)
            if funded:
                self.run("mint", account=name, amount=funded)

    def balance(self, name: str) -> dict[str, int]:
        """The account's buckets that are not zero."""
        rows = Balance.objects.filter(tenant=self.tenant, account__name=name)
        sums = {bucket: sum(int(getattr(row, bucket)) for row in rows) for bucket in BUCKETS}
        return {bucket: amount for bucket, amount in sums.items() if amount}

    def balances(self) -> dict[str, dict[str, int]]:
        """Every account's buckets that are not zero."""
        sums = Balance.objects.filter(tenant=self.tenant).values("account__name")
        rows: Any = sums.annotate(**{f"all_{bucket}": Sum(bucket) for bucket in BUCKETS})
        return {
            row["account__name"]: {bucket: int(row[f"all_{bucket}"]) for bucket in BUCKETS if row[f"all_{bucket}"]}
            for row in rows
        }

    @contextmanager
    def locked(self, name: str) -> Iterator[None]:
        """Somebody holds the balance of an account."""
        with transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:
            cursor.execute(
                "SELECT FROM accounts_balance AS balance JOIN accounts_account AS account ON account.id = account_id"
                " WHERE account.tenant_id = %s AND name = %s FOR UPDATE OF balance",
                [self.tenant, name],
            )
            yield

    def tail(self, count: int = 1) -> list[str]:
        """The types of the last events, oldest first."""
        newest = Event.objects.filter(tenant=self.tenant).order_by("-id")[:count]
        return [event.type for event in reversed(newest)]

    def size(self) -> tuple[int, int]:
        """How many events and postings there are: what a refusal must not change."""
        return (
            Event.objects.filter(tenant=self.tenant).count(),
            Posting.objects.filter(entry__tenant=self.tenant).count(),
        )
