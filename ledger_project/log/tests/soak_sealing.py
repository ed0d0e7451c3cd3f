"""20,000 entries by 8 writers, with long transactions open across the sealing; and what the sealer costs a writer.

Not collected by name, because it takes minutes: `make sealing`. The sealer runs as it does in production, once a second
in a process of its own; blocks with it and without it take turns, and what one left is sealed before the next begins.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from statistics import median

import pytest
from django.conf import settings
from django.db import connection

from ledger_project.log import sealing
from ledger_project.log.verification import verify
from ledger_project.testing.databases import own_database
from ledger_project.testing.run import PROJECT, with_database
from ledger_project.testing.sealing import Crowd, Follower, all_the_time, require_whole_log

ENTRIES = int(os.environ.get("SOAK_ENTRIES", "20000"))
WRITERS = 8
PAIRS = int(os.environ.get("SOAK_PAIRS", "10"))  # of a block with the sealer and one without
BLOCK = 4000  # entries
LEAST = 0.9  # of the throughput without the sealer

EVERY_SECOND = """
import os
import time
import django
os.environ["DJANGO_SETTINGS_MODULE"] = "ledger_project.settings"
django.setup()
from ledger_project.celery import spare_the_collector
from ledger_project.log import sealing
spare_the_collector()
print("ready", flush=True)
while True:
    sealing.seal()
    time.sleep(1)
"""


@contextmanager
def a_sealer() -> Iterator[None]:
    """The sealer in a process of its own, on the database that is open here."""
    name = str(connection.settings_dict["NAME"])
    urls = {each: with_database(getattr(settings, each), name) for each in ("DATABASE_URL", "DATABASE_SEALER_URL")}
    command = [sys.executable, "-c", EVERY_SECOND]
    environment = os.environ | urls
    with subprocess.Popen(command, cwd=PROJECT, env=environment, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield
        finally:
            process.kill()


@pytest.mark.timeout(1800)
def test_twenty_thousand_entries_with_long_transactions_are_sealed_once_each() -> None:
    with own_database():
        crowd, follower = Crowd(), Follower()
        before = sealing.seal().sealed
        with a_sealer(), all_the_time(sealing.seal, pause=0.5), all_the_time(follower.look, pause=0.1):
            began = time.monotonic()
            crowd.write(WRITERS, ENTRIES, long_every=400)
            seconds = time.monotonic() - began
        sealing.seal()
        while follower.look():
            pass

        size = require_whole_log()

        assert size == before + ENTRIES
        assert follower.indexes == list(range(size))
        began = time.monotonic()
        report = verify()
        assert report.problems == []
        checked = time.monotonic() - began
        print(
            f"\n{ENTRIES} entries by {WRITERS} writers in {seconds:.1f} s, {report.checkpoints} checkpoints;", end=" "
        )
        print(f"all of {size} sealed once, verified in {checked:.1f} s ({size / checked:.0f}/s)")


@pytest.mark.timeout(1800)
def test_the_sealer_leaves_writers_nine_tenths_of_their_throughput() -> None:
    with own_database():
        crowd = Crowd()
        crowd.write(WRITERS, BLOCK, seed=99)
        sealing.seal()
        ratios = []
        for pair in range(PAIRS):
            # The one order and the other, so that what drifts falls on both.
            rates = {
                on: _rate(crowd, on=on, seed=2 * pair + on) for on in sorted((False, True), reverse=bool(pair % 2))
            }
            ratios.append(rates[True] / rates[False])
            print(f"\n{rates[False]:.0f} entries/s without, {rates[True]:.0f} with: {ratios[-1]:.3f}", end="")
        print(f"\nmedian of {PAIRS} pairs: {median(ratios):.3f}")
        require_whole_log()
        assert median(ratios) >= LEAST


def _rate(crowd: Crowd, *, on: bool, seed: int) -> float:
    """Entries per second of one block; what is left is sealed outside of the time."""
    with a_sealer() if on else nullcontext():
        began = time.monotonic()
        crowd.write(WRITERS, BLOCK, seed=seed)
        rate = BLOCK / (time.monotonic() - began)
    began, sealed = time.monotonic(), sealing.seal().sealed
    if sealed == BLOCK:
        print(f"\n{sealed} sealed in one pass, {sealed / (time.monotonic() - began):.0f}/s", end="")
    return rate
