"""Workers killed with -9 at the worst moments, and Redis emptied: nothing is lost, ids stay the same."""

import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
import redis
from django.conf import settings

from ledger_project.kernel import clock
from ledger_project.log import sealing
from ledger_project.testing.ledger import Ledger
from ledger_project.webhooks import delivery, sender, tasks
from ledger_project.webhooks.models import Attempt
from ledger_project.webhooks.tests.conftest import Register
from ledger_project.webhooks.tests.receiver import Received, Receiver, Reply

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[3]
LEASE_OVER = delivery.LEASE + timedelta(seconds=1)

WORKER = """
import os, signal, django
from ipaddress import ip_network
django.setup()
from django.conf import settings
settings.WEBHOOK_ALLOWED_NETWORKS = [ip_network("127.0.0.0/8")]
from ledger_project.log.each import Each
from ledger_project.webhooks import delivery, fanout, sender
"""


def worker(story: str) -> "subprocess.Popen[bytes]":
    """Another process on this test's database."""
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "ledger_project.settings"}
    return subprocess.Popen([sys.executable, "-c", WORKER + story], cwd=ROOT, env=environment)


def test_killed_between_claim_and_send(ledger: Ledger, register: Register, receiver: Receiver) -> None:
    hook = register("credits.*")
    ledger.open("alice", funded=100)
    sealing.seal()

    killed = worker(
        "fanout.spread(Each('fan_out'))\n"
        "(lease,) = delivery.claim(1)\n"
        "assert delivery.begin(lease, 1)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    assert killed.wait(60) == -signal.SIGKILL

    assert receiver.received == []
    assert sender.deliver() == 0, "the lease is the killed one's until it ends"
    with clock.moved(LEASE_OVER):
        sender.deliver()
    assert hook.states == ["delivered"]
    assert receiver.ids == [str(hook.deliveries[0])]
    lost, made = Attempt.objects.filter(delivery__endpoint=hook.row).order_by("started_at")
    assert (lost.ended_at, lost.status) == (None, None)
    assert made.status == 200


def test_killed_between_send_and_record(ledger: Ledger, register: Register, receiver: Receiver) -> None:
    hook = register("credits.*")
    ledger.open("alice")
    for amount in range(1, 31):
        ledger.run("mint", account="alice", amount=amount)
    sealing.seal()
    killed = worker("sender.deliver()")

    def kill_at_the_tenth(request: Received) -> Reply:
        if len(receiver.received) == 10:
            os.kill(killed.pid, signal.SIGKILL)
        return Reply()

    receiver.behaves = kill_at_the_tenth
    assert killed.wait(60) == -signal.SIGKILL
    assert len(receiver.received) == 10
    assert hook.states.count("delivered") == 9

    receiver.behaves = lambda request: Reply()
    with clock.moved(LEASE_OVER):
        sender.deliver()

    ids = [str(each) for each in hook.deliveries]
    assert hook.states == ["delivered"] * 30
    assert receiver.ids == [*ids[:10], *ids[9:]], "the one of unknown outcome comes again, under its id, in its place"


def test_killed_between_fan_out_and_its_commit(ledger: Ledger, register: Register, receiver: Receiver) -> None:
    hook = register("credits.*")
    ledger.open("alice", funded=100)
    sealing.seal()

    killed = worker(
        "from django.db import transaction\n"
        "with transaction.atomic():\n"
        "    fanout.spread(Each('fan_out'))\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    assert killed.wait(60) == -signal.SIGKILL
    assert hook.deliveries == []

    sender.deliver()

    assert hook.states == ["delivered"]


def test_redis_is_emptied_at_any_moment(ledger: Ledger, register: Register, receiver: Receiver) -> None:
    hook = register("credits.*")
    ledger.open("alice")
    client = redis.Redis.from_url(settings.REDIS_URL)

    def empty(request: Received) -> Reply:
        client.flushdb()
        return Reply(500 if len(receiver.received) == 2 else 200)

    receiver.behaves = empty
    for amount in range(1, 11):
        ledger.run("mint", account="alice", amount=amount)
        sealing.seal()
        tasks.deliver_webhooks()
    with clock.moved(timedelta(seconds=6)):
        tasks.deliver_webhooks()
    client.close()

    assert hook.states == ["delivered"] * 10
    assert len(set(receiver.ids)) == 10
