"""5,000 entries against receivers that misbehave, workers that are killed and a Redis that is emptied.

Not collected by name, because it takes minutes: `make chaos`. Its workers live sixty times as fast as the clock, so
that back-off over minutes passes in seconds.
"""

import json
import os
import random
import signal
import threading
import time
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
import redis
from django.conf import settings
from standardwebhooks import Webhook as StandardWebhook

from accounts.errors import InsufficientFunds
from ledger_project.kernel import clock
from ledger_project.log import feed, sealing
from ledger_project.testing.crowd import together
from ledger_project.testing.ledger import Ledger
from ledger_project.webhooks import publisher
from ledger_project.webhooks.tests.conftest import Register, Webhook
from ledger_project.webhooks.tests.receiver import Received, Receiver, Reply
from ledger_project.webhooks.tests.test_kill import worker

ENTRIES = int(os.environ.get("SOAK_ENTRIES", "5000"))
WRITERS = 4
FASTER = 60
PATIENCE = 1800.0  # seconds

CLOCKWORK = """
import time
from datetime import timedelta
from ledger_project.kernel import clock
from ledger_project.log import sealing
from ledger_project.webhooks import publisher
while True:
    with clock.moved((time.time() - {start}) * {faster} * timedelta(seconds=1)):
        sender.deliver(seconds=2)
    sealing.seal()
    publisher.publish()
    time.sleep(0.05)
"""


def moody(dice: random.Random) -> Any:
    """Every way to disappoint: a third of the answers is none that counts."""
    replies = [Reply(500), Reply(503, headers={"Retry-After": "2"}), Reply(hang_up=True), Reply(wait=0.2), Reply(429)]
    replies += [Reply(307, headers={"Location": "http://127.0.0.1:1/"}), Reply(404)]
    return lambda request: dice.choice(replies) if dice.random() < 0.002 else Reply()


def bursts(dice: random.Random) -> Any:
    """Down for a while, up for a while."""
    return lambda request: Reply(502) if int(time.time()) % 20 < 5 else Reply()


@pytest.mark.timeout(PATIENCE + 300)
def test_every_event_arrives_and_nothing_else(ledger: Ledger, register: Register, receiver: Receiver) -> None:
    dice = random.Random(7)
    receivers = {"healthy": receiver, "moody": Receiver(), "bursts": Receiver(), "gone": Receiver(), "any": Receiver()}
    receivers["moody"].behaves = moody(dice)
    receivers["any"].behaves = moody(dice)
    receivers["bursts"].behaves = bursts(dice)
    told_off: list[str] = []
    receivers["gone"].behaves = lambda request: (
        told_off.append(request.id),
        Reply(410 if len(told_off) == 50 else 200),
    )[1]
    hooks = {name: register("transfer.*", url=each.url, ordered=name != "any") for name, each in receivers.items()}
    ledger.open("alice", funded=10 * ENTRIES)
    ledger.open("bob", "poor")

    start = time.time()
    stop = threading.Event()
    killer = threading.Thread(target=kill_again_and_again, args=(start, stop, dice))
    killer.start()
    try:
        together([lambda n=n: write(ledger, n) for n in range(WRITERS)], patience=PATIENCE)
        wrote = time.time() - start
        await_all(hooks, start)
    finally:
        stop.set()
        killer.join(60)
    took = time.time() - start
    print(f"\n{ENTRIES} entries written in {wrote:.0f} s, delivered to {len(hooks)} receivers in {took:.0f} s")

    events = everything(ledger)
    posted = {data["id"]: data["log_index"] for data in events if data["type"] == "transfer.posted"}
    assert len(posted) == ENTRIES
    for name, hook in hooks.items():
        check(name, hook, receivers[name], posted)
    first_seen = list(dict.fromkeys(json.loads(each.body)["data"]["log_index"] for each in receiver.received))
    assert first_seen == sorted(first_seen), "the healthy receiver got everything in order"
    check_stream()
    for each in list(receivers.values())[1:]:
        each.stop()


def write(ledger: Ledger, writer: int) -> None:
    """Transfers, and now and then one that is refused."""
    for n in range(ENTRIES // WRITERS):
        ledger.run("transfer", key=f"w{writer}-{n}", from_account="alice", to_account="bob", amount=1)
        if n % 10 == 0:
            with pytest.raises(InsufficientFunds):
                ledger.run("transfer", key=f"r{writer}-{n}", from_account="poor", to_account="bob", amount=1)


def kill_again_and_again(start: float, stop: threading.Event, dice: random.Random) -> None:
    """Two workers, of which one or the other is killed every few seconds; Redis is emptied now and then."""
    story = CLOCKWORK.format(start=start, faster=FASTER)
    workers = [worker(story), worker(story)]
    kills = 0
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        while not stop.wait(dice.uniform(6, 15)):
            chosen = dice.randrange(2)
            workers[chosen].send_signal(signal.SIGKILL)
            workers[chosen].wait()
            workers[chosen] = worker(story)
            kills += 1
            if kills % 4 == 0:
                client.flushdb()
    for each in workers:
        each.send_signal(signal.SIGKILL)
        each.wait()
    print(f"\n{kills} workers were killed")


def await_all(hooks: dict[str, Webhook], start: float) -> None:
    """Until every transfer is delivered; who answered 410 is enabled again."""
    deadline = time.monotonic() + PATIENCE
    while True:
        done = {name: Counter(hook.states)["delivered"] for name, hook in hooks.items()}
        if all(count == ENTRIES for count in done.values()):
            return
        assert time.monotonic() < deadline, done
        for hook in hooks.values():
            if not hook.row.enabled:
                with clock.moved((time.time() - start) * FASTER * timedelta(seconds=1)):
                    hook.run("update_webhook", enabled=True)
        time.sleep(1)


def everything(ledger: Ledger) -> list[dict[str, Any]]:
    """The whole feed, which has no gap."""
    sealing.seal()
    indexes: list[int] = []
    mine: list[dict[str, Any]] = []
    while page := feed.read(indexes[-1] if indexes else -1, 1000):
        indexes += [event.log_index for event in page]
        mine += [{**event.document, "log_index": event.log_index} for event in page if event.tenant == ledger.tenant]
    assert indexes == list(range(len(indexes)))
    return mine


def check(name: str, hook: Webhook, receiver: Receiver, posted: dict[str, int]) -> None:
    """Every event at least once, one id each, every signature good."""
    by_event: dict[str, set[str]] = {}
    for request in receiver.received:
        by_event.setdefault(json.loads(request.body)["data"]["id"], set()).add(request.id)
    assert by_event.keys() == posted.keys()
    assert all(len(ids) == 1 for ids in by_event.values())
    for request in receiver.received:
        verify(hook, request)
    print(f"{name}: {len(receiver.received)} requests for {len(posted)} events")


def verify(hook: Webhook, request: Received) -> None:
    """As the library does, at the time of the request: the workers' clock ran ahead."""
    stamp = request.headers["webhook-timestamp"]
    library: Any = StandardWebhook(hook.secret)
    moment = clock.datetime.fromtimestamp(int(stamp), tz=clock.UTC)
    expected = library.sign(request.id, moment, request.body.decode())
    assert expected in request.headers["webhook-signature"].split()


def check_stream() -> None:
    """What Redis holds is the end of the log."""
    while publisher.publish():
        pass
    with redis.Redis.from_url(settings.REDIS_URL, decode_responses=True) as client:
        kept = [int(entry["log_index"]) for _, entry in client.xrange(publisher.STREAM)]
    assert kept[-1] == feed.head()
    assert kept == list(range(kept[0], kept[-1] + 1))
