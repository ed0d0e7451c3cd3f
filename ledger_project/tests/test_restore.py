"""A ledger that was restored from a base backup, with the key and the anchors of the original, which has gone on.

`make restores` has ten tries of each; the suite has one.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
import redis
from django.conf import settings as configured
from pytest_django import Settings

from ledger_project.log import anchors, sealing
from ledger_project.testing.databases import own_database
from ledger_project.testing.restoring import REDIS_NUMBER, Copy, base_backup, running
from ledger_project.testing.run import with_number
from ledger_project.testing.sealing import Crowd, all_the_time
from ledger_project.webhooks.tests.receiver import Receiver

TRIES = int(os.environ.get("RESTORE_TRIES", "1"))
WRITERS = 4
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif("TEST_DATABASE_URL" in os.environ, reason="whose backups are not ours to make"),
]


@dataclass
class World:
    """The original, the anchors, and whoever might be sent something."""

    crowd: Crowd
    anchor: Path
    repository: Path
    receiver: Receiver

    @property
    def readable(self) -> str:
        return f"file://{self.anchor},git://{self.repository}"

    def outside(self) -> dict[str, str]:
        """The anchors of the original, and where a copy would send webhooks and payouts."""
        return {
            "LEDGER_ANCHORS": f"{self.readable},{self.receiver.url}/anchor",
            "LEDGER_ANCHOR_EVERY": "0",
            "WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8",
            "WITHDRAWAL_EXECUTOR": "holds.executors.HttpExecutor",
            "WITHDRAWAL_EXECUTOR_URL": f"{self.receiver.url}/pay",
        }

    def go_on(self, entries: int, seed: int) -> None:
        """Post, seal and anchor."""
        self.crowd.write(WRITERS, entries, seed=seed)
        sealing.seal()
        assert anchors.deliver() == 2

    @contextmanager
    def load(self) -> Iterator[None]:
        """Somebody pays, and the worker seals and anchors."""
        paid = iter(range(1_000_000))

        def pay() -> None:
            self.crowd.ledger.run("transfer", from_account=f"agent-{next(paid) % 32}", to_account="shop", amount=1)

        with all_the_time(pay), all_the_time(sealing.seal, pause=0.05), all_the_time(anchors.deliver, pause=0.2):
            yield

    def sent(self) -> list[str]:
        """What came in of webhooks, payouts and checkpoints."""
        return sorted({request.path for request in self.receiver.received})

    def forget(self) -> None:
        """What the copy sent while it was let go on."""
        self.receiver.received.clear()
        with redis.Redis.from_url(with_number(configured.REDIS_URL, REDIS_NUMBER)) as stream:
            stream.delete("ledger:events")


@pytest.fixture
def world(tmp_path: Path, settings: Settings) -> Iterator[World]:
    repository = tmp_path / "repository"
    subprocess.run(["git", "init", "--quiet", repository], check=True)
    receiver = Receiver()
    settings.WEBHOOK_ALLOWED_NETWORKS = [ip_network("127.0.0.0/8")]
    settings.ANCHOR_EVERY = 0
    with own_database():
        world = World(Crowd(), tmp_path / "checkpoints", repository, receiver)
        settings.ANCHORS = world.readable.split(",")
        ledger = world.crowd.ledger
        ledger.run("register_webhook", url=receiver.url, types=["*"])
        ledger.run("request_withdrawal", account="agent-0", amount=5, destination="IBAN")
        world.go_on(8, seed=1)
        world.forget()
        yield world
    receiver.stop()


def kept() -> list[list[str]]:
    return [sink.kept() for sink in anchors.sinks()]


def take_along(copy: Copy) -> None:
    """The file that tells copies apart, as it is now."""
    if file := os.environ.get("LEDGER_INSTANCE_FILE"):
        shutil.copy(file, copy.place.home / "instance_id")


def require_fenced(world: World, rounds: list[dict[str, Any]], kind: str) -> None:
    """Found at the first look, never closed by itself, nothing signed, nothing sent."""
    figures = [
        (kind in each["open"], any("fenced" in alarm for alarm in each["alarms"]), *(each[n] for n in SILENT))
        for each in rounds
    ]
    assert (figures, world.sent()) == ([(True, True, 0, 0, 0)] * len(rounds), [])


SILENT = ("closed", "signed", "streamed")


@pytest.mark.parametrize("attempt", range(TRIES))
@pytest.mark.parametrize("instance", ["gone", "of today", "of the backup"])
def test_a_copy_that_was_cut_back_is_fenced(world: World, attempt: int, instance: str) -> None:
    """`instance`: the file that tells copies apart. With that of the backup only the anchors know that time went on."""
    with ExitStack() as stack:
        with world.load():
            copy = stack.enter_context(base_backup())
            if instance == "of the backup":
                take_along(copy)
        world.go_on(40, seed=2)
        if instance == "of today":
            take_along(copy)
        before = kept()
        stack.enter_context(running(copy))

        rounds = copy.work(**world.outside())

        require_fenced(world, rounds, "cut_back")
        assert kept() == before


@pytest.mark.parametrize("attempt", range(TRIES))
def test_a_copy_that_went_another_way_is_fenced(world: World, attempt: int) -> None:
    """Nobody told it of the anchors, and an operator let it go on: it has more leaves than they have, and others."""
    with ExitStack() as stack:
        with world.load():
            copy = stack.enter_context(base_backup())
        world.go_on(40, seed=2)
        before = kept()
        stack.enter_context(running(copy))
        [first, *_] = copy.work()
        assert (first["signed"], first["open"]) == (0, ["fenced"])
        done = copy.manage("unfence", "--reason", "a drill")
        assert done.returncode == 0, done.stderr
        [grown, *_] = copy.work(GROW)
        assert (grown["signed"] > 0, grown["alarms"]) == (True, [])
        world.forget()

        rounds = copy.work(**world.outside())

        require_fenced(world, rounds, "forked")
        assert kept() == before


GROW = """
ledger = Ledger()
ledger.open(*(f"other-{n}" for n in range(100)))
"""
