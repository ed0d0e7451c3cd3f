"""What Celery does every second, in a process of its own: begins at a byte on standard input, ends at the next."""

import os
import select
import sys
import time

import django

django.setup()

from holds.tasks import expire_due  # noqa: E402  (Django first)
from ledger_project.kernel.collector import spare_the_loaded  # noqa: E402
from ledger_project.log import sealing  # noqa: E402
from ledger_project.webhooks.tasks import deliver_webhooks, publish_events  # noqa: E402
from ledger_project.webhooks.tests.receiver import Receiver  # noqa: E402


def turn() -> None:
    """Until the next byte comes."""
    while not select.select([0], [], [], 0)[0]:
        began = time.monotonic()
        sealing.seal()
        expire_due()
        deliver_webhooks()
        publish_events()
        select.select([0], [], [], max(0.0, began + 1 - time.monotonic()))


def main() -> None:
    """The first line on standard output is where webhooks may be sent to; then one for each turn that is over."""
    print(Receiver().url, flush=True)
    spare_the_loaded()
    while os.read(0, 1):
        turn()
        os.read(0, 1)
        while sealing.seal().sealed:
            pass  # what is written without us is not ours to seal in the next turn
        print("idle", flush=True)


if __name__ == "__main__":
    sys.exit(main())
