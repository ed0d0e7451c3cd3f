"""One sender at work: fans out what was sealed, and gives every endpoint that has something due a thread and a turn.

Threads, because an attempt mostly waits for somebody else; one sender in a deployment by default (tasks.py), because
receivers that take their time must not occupy all the workers that also seal the log and expire holds.
"""

import logging
import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from django.db import connections

from ledger_project.log import signing
from ledger_project.log.each import Each
from ledger_project.webhooks import delivery, fanout
from ledger_project.webhooks.delivery import Lease

WORKS = 20.0  # seconds for which turns are given out
LOOKS = 0.2  # seconds between two looks at what is due

log = logging.getLogger(__name__)


def deliver(seconds: float = WORKS) -> int:
    """Send until nothing is due or the time is over; how many attempts were made. Raises NoSigningKey."""
    key = signing.signer().private_key
    ends = time.monotonic() + seconds
    attempts, bugs, fanned = 0, [], Each("fan_out")
    running: set[Future[int]] = set()
    with ThreadPoolExecutor(settings.WEBHOOK_THREADS, thread_name_prefix="webhook") as pool:
        while True:
            behind = fanout.spread(fanned)
            open_for_more = time.monotonic() < ends
            if open_for_more and len(running) < settings.WEBHOOK_THREADS:
                leases = delivery.claim(settings.WEBHOOK_THREADS - len(running))
                running |= {pool.submit(_turn, lease, key) for lease in leases}
            if not running and not (behind and open_for_more):
                break
            done, running = wait(running, timeout=LOOKS, return_when=FIRST_COMPLETED)
            for future in done:
                bug = future.exception()
                if bug is None:
                    attempts += future.result()
                else:
                    # Its lease ends by itself; the other endpoints must not wait for it.
                    log.error("a turn of a webhook failed", exc_info=bug)
                    bugs.append(bug)
    if bugs:
        raise bugs[0]
    fanned.finish()
    return attempts


def _turn(lease: Lease, key: Ed25519PrivateKey) -> int:
    try:
        return delivery.take_turn(lease, key)
    finally:
        connections.close_all()
