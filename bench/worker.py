"""What the timer and Celery do every second: begins at a byte on standard input, ends at the next.

One process seals and expires, a second one tells webhooks and streams, like the two processes of `make up`.
"""

import os
import select
import sys
import time
from collections.abc import Callable

import django

django.setup()

from holds.expiry import expire_due  # noqa: E402  (Django first)
from ledger_project.celery import give_way  # noqa: E402
from ledger_project.kernel.collector import spare_the_loaded  # noqa: E402
from ledger_project.log import sealing  # noqa: E402
from ledger_project.webhooks.tasks import deliver_webhooks, publish_events  # noqa: E402
from ledger_project.webhooks.tests.receiver import Receiver  # noqa: E402


def seal_and_expire() -> None:
    sealing.seal()
    expire_due()


def tell() -> None:
    deliver_webhooks()
    publish_events()


def finish_sealing() -> None:
    """What is written without us is not ours to seal in the next turn."""
    while sealing.seal().sealed:
        pass


JOBS = {"seal": (seal_and_expire, finish_sealing), "tell": (tell, lambda: None)}


def turn(job: Callable[[], None]) -> None:
    """Once a second, until the next byte comes."""
    while not select.select([0], [], [], 0)[0]:
        began = time.monotonic()
        job()
        select.select([0], [], [], max(0.0, began + 1 - time.monotonic()))


def main() -> None:
    """The first line on standard output is where webhooks may be sent to; then one for each turn that is over."""
    job, finish = JOBS[sys.argv[1]]
    print(Receiver().url, flush=True)
    spare_the_loaded()
    give_way()
    while os.read(0, 1):
        turn(job)
        os.read(0, 1)
        finish()
        print("idle", flush=True)


if __name__ == "__main__":
    sys.exit(main())
