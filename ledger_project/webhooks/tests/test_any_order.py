"""Webhooks that ask for no order: several attempts under way at once, the oldest first, and each on its own."""

import os
import signal
import threading
import time
from datetime import timedelta

import pytest
from django.db import connections
from pytest_django import Settings

from ledger_project.kernel import clock
from ledger_project.log import sealing
from ledger_project.testing.crowd import together
from ledger_project.testing.ledger import Ledger
from ledger_project.webhooks import schedule, sender
from ledger_project.webhooks.models import Attempt
from ledger_project.webhooks.tests.conftest import Register, seal_and_deliver
from ledger_project.webhooks.tests.receiver import Received, Receiver, Reply
from ledger_project.webhooks.tests.test_kill import LEASE_OVER, worker
from ledger_project.webhooks.tests.test_retry import answering, later, until_due

pytestmark = pytest.mark.slow

WAIT = 0.1  # seconds until an answer
AT_FIRST = range(schedule.AT_ONCE, schedule.AT_ONCE + schedule.IN_ORDER)  # attempts until a failure is known to be one


def mint(ledger: Ledger, count: int) -> list[str]:
    """So many events; their ids."""
    ledger.open("alice")
    done = [ledger.run("mint", account="alice", amount=n) for n in range(1, count + 1)]
    return [each.document["id"] for each in done]


class Gauge:
    """How many requests a receiver has at once."""

    def __init__(self) -> None:
        self.now = self.most = 0
        self._lock = threading.Lock()

    def __call__(self, request: Received) -> Reply:
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)
        time.sleep(WAIT)
        with self._lock:
            self.now -= 1
        return Reply()


@pytest.mark.parametrize(("ordered", "at_once"), [(True, range(1, 2)), (False, range(2, schedule.AT_ONCE + 1))])
def test_several_are_under_way_where_no_order_is_asked(
    ledger: Ledger, register: Register, receiver: Receiver, ordered: bool, at_once: range
) -> None:
    hook = register("credits.*", ordered=ordered)
    mint(ledger, 24)
    receiver.behaves = gauge = Gauge()

    assert seal_and_deliver() >= 24  # a machine that is loaded may be too late for an answer, and asks again

    assert hook.states == ["delivered"] * 24
    assert gauge.most in at_once
    ids = [str(each) for each in hook.deliveries]
    assert set(ids[: at_once[0]]) <= set(receiver.ids[: at_once[-1]]), "the oldest first"
    assert len({request.connection for request in receiver.received}) in at_once, "connections are kept"


def test_one_that_fails_holds_up_nobody(ledger: Ledger, register: Register, receiver: Receiver) -> None:
    hook = register("credits.*", ordered=False)
    poison = mint(ledger, 20)[3].encode()
    receiver.behaves = lambda request: Reply(500 if poison in request.body else 200)

    seal_and_deliver()

    assert [n for n, state in enumerate(hook.states) if state == "pending"] == [3]
    assert timedelta(seconds=4) < until_due(hook) < timedelta(seconds=6)
    for _ in range(schedule.MOST_ATTEMPTS - 1):
        later(until_due(hook))
    assert hook.states.count("failed") == 1
    assert hook.row.cursor.failing_since is not None


def test_one_that_is_down_is_asked_with_one_delivery_and_recovers_at_once(
    ledger: Ledger, register: Register, receiver: Receiver
) -> None:
    hook = register("credits.*", ordered=False)
    mint(ledger, 30)
    receiver.behaves = lambda request: Reply(500)

    asked = seal_and_deliver()
    assert asked in AT_FIRST, "all at once, and then it rests"
    passed = timedelta()
    while until_due(hook) - passed < timedelta(minutes=4):
        passed = until_due(hook)
        assert later(passed) == 1
        asked += 1
    assert asked == schedule.AT_ONCE + schedule.IN_ORDER
    assert passed < timedelta(minutes=1)

    receiver.behaves = answering()
    later(until_due(hook))
    assert hook.states == ["delivered"] * 30
    assert hook.row.cursor.failing_since is None


def test_a_retry_after_is_heeded_by_all(ledger: Ledger, register: Register, receiver: Receiver) -> None:
    hook = register("credits.*", ordered=False)
    mint(ledger, 30)
    receiver.behaves = lambda request: Reply(429, headers={"Retry-After": "120"})

    assert seal_and_deliver() in AT_FIRST

    assert timedelta(seconds=115) < until_due(hook) < timedelta(seconds=121)


def test_410_ends_all_of_it(ledger: Ledger, register: Register, receiver: Receiver) -> None:
    hook = register("credits.*", ordered=False)
    mint(ledger, 30)
    receiver.behaves = lambda request: Reply(410)

    assert seal_and_deliver() in AT_FIRST

    assert (hook.row.enabled, hook.row.disabled_reason) == (False, "gone")


def test_order_is_asked_for_again(ledger: Ledger, register: Register, receiver: Receiver) -> None:
    hook = register("credits.*", ordered=False)
    assert not hook.row.ordered
    shown = hook.run("update_webhook", ordered=True).document["result"]["webhook"]
    assert shown["ordered"] is True
    mint(ledger, 10)
    receiver.behaves = gauge = Gauge()

    seal_and_deliver()

    assert gauge.most == 1
    assert receiver.ids == [str(each) for each in hook.deliveries]


def test_two_senders_at_once_send_everything_once(ledger: Ledger, register: Register, receiver: Receiver) -> None:
    hook = register("credits.*", ordered=False)
    mint(ledger, 100)
    sealing.seal()

    together([sender.deliver, sender.deliver, sender.deliver])

    assert hook.states == ["delivered"] * 100
    assert len(receiver.received) == len(set(receiver.ids)) == 100


def test_killed_with_several_under_way(ledger: Ledger, register: Register, receiver: Receiver) -> None:
    hook = register("credits.*", ordered=False)
    mint(ledger, 30)
    sealing.seal()
    killed = worker("sender.deliver()")

    def kill_at_the_tenth(request: Received) -> Reply:
        if len(receiver.received) == 10:
            os.kill(killed.pid, signal.SIGKILL)
        return Reply(wait=WAIT)

    receiver.behaves = kill_at_the_tenth
    assert killed.wait(60) == -signal.SIGKILL
    sent = len(receiver.received)
    told = hook.states.count("delivered")
    begun = Attempt.objects.filter(delivery__endpoint=hook.row)
    assert begun.count() >= sent, "an attempt is written before it is made"

    receiver.behaves = answering()
    with clock.moved(LEASE_OVER):
        sender.deliver()

    assert hook.states == ["delivered"] * 30
    assert set(receiver.ids) == {str(each) for each in hook.deliveries}
    assert len(receiver.received) == sent + 30 - told, "those of unknown outcome come again"
    assert begun.filter(ended_at=None).count() <= schedule.AT_ONCE


def test_slow_ones_leave_threads_to_the_others(
    ledger: Ledger, register: Register, receiver: Receiver, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four endpoints that take their time for every answer, four threads, and one endpoint that answers."""
    settings.WEBHOOK_THREADS = 4
    monkeypatch.setattr("ledger_project.webhooks.delivery.SLOW", 400)
    lazy = Receiver()
    lazy.behaves = lambda request: Reply(wait=0.5)
    for _ in range(4):
        register("credits.*", url=lazy.url)
    ledger.open("alice", funded=1)
    seal_and_deliver()  # now it is known who is slow
    arrived: list[float] = []
    receiver.behaves = lambda request: (arrived.append(time.monotonic()), Reply())[1]
    for n in range(6):
        ledger.run("mint", account="alice", amount=n + 1)
    register("account.*")
    ledger.open("bob")
    sealing.seal()

    began = time.monotonic()
    sender.deliver()

    lazy.stop()
    assert len(lazy.received) == 4 * 7
    assert [moment - began < 0.5 for moment in arrived] == [True]


def test_a_run_goes_on_while_something_is_due(
    ledger: Ledger, register: Register, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However short a turn is, and whatever is sealed meanwhile."""
    monkeypatch.setattr(sender, "TURN", 0.05)
    hook = register("credits.*")
    mint(ledger, 20)
    late: list[int] = []

    def seal_another(request: Received) -> Reply:
        if len(late) < 5:
            late.append(1)
            ledger.run("mint", account="alice", amount=100)
            sealing.seal()
        connections.close_all()  # of the receiver's thread
        return Reply(wait=0.01)

    receiver.behaves = seal_another
    sealing.seal()

    assert sender.deliver() == 25
    assert hook.states == ["delivered"] * 25
