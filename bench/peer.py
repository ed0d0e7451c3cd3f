"""django-hordak's `transfer_to`, in a process and a database of its own, as its documentation has it.

It does less: no idempotency key, no lock, no check for an overdraft, no event, no hash. Each line on standard input,
"callers seconds", is one turn; each line on standard output is what came of it:
the rate, the CPU seconds of a transfer and the latencies, in JSON.
"""

import json
import random
import sys
from typing import Any

import django
from django.conf import settings

from bench.harness import Case

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


def turn(accounts: list[Any], callers: int, seconds: float) -> Case:
    """`callers` threads that transfer, each on a connection of its own."""
    from django.db.transaction import atomic
    from moneyed import EUR, Money

    def transfer(_: int) -> int:
        payer, receiver = random.sample(accounts, 2)
        with atomic():
            payer.transfer_to(receiver, Money(5, EUR))
        return 1

    case = Case("transfer_to", transfer, callers=callers)
    case.run(seconds)
    return case


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
        done = turn(accounts, int(callers), float(seconds))
        print(json.dumps([done.rates, done.cpu, done.latencies]), flush=True)


if __name__ == "__main__":
    main()
