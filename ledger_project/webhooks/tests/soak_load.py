"""How far webhooks are behind while events come in at a rate, to receivers that take their time.

Not collected by name, because it measures: `make load`. LOAD_RATE= says how many events a second, LOAD_SECONDS= for how
long, LOAD_LATENCY= how many milliseconds a receiver takes.
"""

import json
import os
import signal
import statistics
import threading
import time
from datetime import datetime

import psutil
import pytest

from ledger_project.log import sealing
from ledger_project.log.executor import execute
from ledger_project.testing.ledger import Ledger
from ledger_project.webhooks.tests.conftest import Register
from ledger_project.webhooks.tests.receiver import Received, Receiver, Reply
from ledger_project.webhooks.tests.test_kill import worker

RATE = int(os.environ.get("LOAD_RATE", "300"))
SECONDS = int(os.environ.get("LOAD_SECONDS", "20"))
LATENCY = int(os.environ.get("LOAD_LATENCY", "20")) / 1000
PATIENCE = 300.0  # seconds until all of it has arrived
PORTIONS = 10  # batches a second

BEAT = """
import time
while True:
    sender.deliver()
    time.sleep(1 - time.time() % 1)
"""


@pytest.mark.timeout(PATIENCE + 100)
@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("endpoints", [1, 20])
def test_load(register: Register, receiver: Receiver, endpoints: int, ordered: bool) -> None:
    """The endpoints are of as many tenants, which share the load."""
    arrived: list[tuple[float, bytes]] = []

    def take_time(request: Received) -> Reply:
        arrived.append((time.time(), request.body))
        return Reply(wait=LATENCY)

    receiver.behaves = take_time
    tenants = [Ledger() for _ in range(endpoints)]
    for ledger in tenants:
        ledger.open("alice", funded=10**9)
        ledger.open("bob")
        register("transfer.*", to=ledger, ordered=ordered)
    stop = threading.Event()
    sealer = threading.Thread(target=seal, args=(stop,))
    sealer.start()
    sender = worker(BEAT)
    time.sleep(3)
    try:
        began = time.time()
        for portion in range(SECONDS * PORTIONS):
            write(tenants, portion)
            time.sleep(max(0.0, began + (portion + 1) / PORTIONS - time.time()))
        wrote = time.time() - began
        behind = RATE * SECONDS - len({body for _, body in arrived})
        late = lags(arrived[-RATE:])
        while len(arrived) < RATE * SECONDS and time.time() < began + PATIENCE:
            time.sleep(0.1)
        took = time.time() - began
    finally:
        stop.set()
        sealer.join()
        busy = sum(psutil.Process(sender.pid).cpu_times()[:2])
        sender.send_signal(signal.SIGKILL)
        sender.wait()
    print(
        f"\n{endpoints} endpoints, {'in order' if ordered else 'in any order'}: {RATE * SECONDS} events"
        f" in {wrote:.1f} s, {behind} behind at their end, all told after {took:.1f} s"
        f" ({RATE * SECONDS / took:.0f} a second);"
        f" lag at the end p50 {statistics.median(late):.2f} s, at most {max(late):.2f} s;"
        f" the sender used {busy:.1f} s of a processor"
    )


def write(tenants: list[Ledger], portion: int) -> None:
    """A tenth of a second's transfers."""
    share = RATE // PORTIONS
    calls = [tenants[(portion * share + n) % len(tenants)] for n in range(share)]
    for ledger in dict.fromkeys(calls):
        execute(
            [
                ledger.call("transfer", key=f"{portion}-{n}", from_account="alice", to_account="bob", amount=1)
                for n in range(calls.count(ledger))
            ]
        )


def lags(arrived: list[tuple[float, bytes]]) -> list[float]:
    return [at - datetime.fromisoformat(json.loads(body)["timestamp"]).timestamp() for at, body in arrived] or [0.0]


def seal(stop: threading.Event) -> None:
    while not stop.wait(1):
        sealing.seal()
