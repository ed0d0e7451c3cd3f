"""django-hordak's `transfer_to`, in a process and a database of its own, as its documentation has it.

It does less: no idempotency key, no lock, no check for an overdraft, no event, no hash. Each line on standard input,
"callers seconds", is one turn; each line on standard output is what came of it, in JSON.
"""

import json
import random
import sys
import threading
import time
from typing import Any

import django
from django.conf import settings

ACCOUNTS = 200  # its tree of accounts makes thousands of them slow to open; the time of a transfer does not follow it


def configure(database: dict[str, Any]) -> None:
    settings.configure(
        DATABASES={"default": database | {"CONN_MAX_AGE": None}},
        INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "mptt", "hordak"],
        USE_TZ=True,
        DEFAULT_AUTO_FIELD="django.db.models.AutoField",
        DEFAULT_CURRENCY="EUR",
        CURRENCIES=["EUR"],
        HORDAK_MAX_DIGITS=13,
    )
    django.setup()


def turn(accounts: list[Any], callers: int, seconds: float) -> dict[str, Any]:
    """`callers` threads that transfer, each on a connection of its own."""
    from django.db import connections
    from django.db.transaction import atomic
    from moneyed import EUR, Money

    latencies: list[list[float]] = [[] for _ in range(callers)]
    end = time.perf_counter() + seconds

    def call(mine: list[float]) -> None:
        while (started := time.perf_counter()) < end:
            payer, receiver = random.sample(accounts, 2)
            with atomic():
                payer.transfer_to(receiver, Money(5, EUR))
            mine.append(time.perf_counter() - started)
        connections.close_all()

    threads = [threading.Thread(target=call, args=(mine,)) for mine in latencies]
    cpu, started = time.process_time(), time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    taken = time.perf_counter() - started
    found = [latency for mine in latencies for latency in mine]
    return {"rate": len(found) / taken, "cpu": (time.process_time() - cpu) / len(found), "latencies": found}


def main() -> None:
    configure(json.loads(sys.stdin.readline()))
    from django.core.management import call_command
    from hordak.models import Account

    call_command("migrate", verbosity=0)
    accounts = [
        Account.objects.create(name=str(n), code=str(n), type="LI", currencies=["EUR"]) for n in range(ACCOUNTS)
    ]
    print("ready", flush=True)
    for line in sys.stdin:
        callers, seconds = line.split()
        print(json.dumps(turn(accounts, int(callers), float(seconds))), flush=True)


if __name__ == "__main__":
    main()
