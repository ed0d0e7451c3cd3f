"""One sender at work: fans out what was sealed, and gives every endpoint that has something due a thread and a turn.

Threads, because an attempt mostly waits for somebody else; one sender in a deployment by default (tasks.py), because
receivers that take their time must not occupy all the workers that also seal the log and expire holds. Nor do they
occupy the sender: slow endpoints have half of its threads at most.
"""

import logging
import time
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from django.db import connections

from ledger_project.log import signing
from ledger_project.log.each import Each
from ledger_project.outbound.transport import DEADLINE
from ledger_project.webhooks import delivery, fanout, schedule, turns
from ledger_project.webhooks.delivery import Lease

WORKS = 20.0  # seconds for which turns are given out
TURN = 10.0  # seconds after which others have their turn
LOOKS = 0.2  # seconds between two looks at what is due

log = logging.getLogger(__name__)


def deliver(seconds: float = WORKS) -> int:
    """Send until nothing is due or the time is over; how many attempts were made. Raises NoSigningKey.

    When it is over and slow endpoints still wait for answers, the others go on as long as these may take.
    """
    key = signing.signer().private_key
    threads = settings.WEBHOOK_THREADS
    ends = time.monotonic() + seconds
    attempts, bugs, fanned = 0, [], Each("fan_out")
    running: dict[Future[int], Lease] = {}
    with (
        ThreadPoolExecutor(threads * schedule.AT_ONCE, thread_name_prefix="webhook-post") as posts,
        ThreadPoolExecutor(threads, thread_name_prefix="webhook") as pool,
    ):
        while True:
            behind = fanout.spread(fanned)
            now = time.monotonic()
            slow = sum(lease.slow for lease in running.values())
            until = ends if now < ends or not slow else ends + DEADLINE
            if now < until and len(running) < threads:
                may_be_slow = max(1, threads // 2) - slow if now < ends else 0
                for lease in delivery.claim(threads - len(running), may_be_slow):
                    running[pool.submit(_turn, lease, key, posts, min(now + TURN, until))] = lease
            if not running and not (behind and now < ends):
                break
            done, _ = wait(running, timeout=LOOKS, return_when=FIRST_COMPLETED)
            for future in done:
                del running[future]
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


def _turn(lease: Lease, key: Ed25519PrivateKey, posts: Executor, ends: float) -> int:
    try:
        return turns.take_turn(lease, key, posts, ends)
    finally:
        connections.close_all()
