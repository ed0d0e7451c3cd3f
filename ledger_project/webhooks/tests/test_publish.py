"""The Redis stream: every sealed event once and in order, and whole again after Redis lost it."""

import json
import signal
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from pytest_django import Settings

from ledger_project.log import feed, sealing
from ledger_project.log.executor import look
from ledger_project.testing.crowd import together
from ledger_project.testing.ledger import Ledger
from ledger_project.webhooks import publisher, tasks
from ledger_project.webhooks.tests.test_kill import worker


@pytest.fixture
def client(settings: Settings) -> Iterator[Any]:
    with redis.Redis.from_url(settings.REDIS_URL, decode_responses=True) as client:
        yield client


def indexes(client: Any) -> list[int]:
    return [int(entry["log_index"]) for _, entry in client.xrange(publisher.STREAM)]


def publish_all() -> None:
    sealing.seal()
    while publisher.publish():
        pass


def test_sealed_events_are_published_once_in_order(ledger: Ledger, client: Any) -> None:
    publish_all()
    before = feed.head()
    ledger.open("alice", funded=5)
    publish_all()
    publish_all()

    entries = client.xrange(publisher.STREAM, min=f"{before + 1}")

    assert [id for id, _ in entries] == [f"{before + n}-1" for n in range(1, len(entries) + 1)]
    minted = entries[-1][1]
    assert (minted["type"], minted["tenant"]) == ("credits.minted", f"ten_{ledger.tenant}")
    data = json.loads(minted["data"])
    assert (data["id"], data["log_index"]) == (minted["event"], int(minted["log_index"]))
    assert data["entry"]["postings"][0]["bucket"] == "available"
    assert look("SELECT next_index FROM webhooks_outlet WHERE name = 'redis'", ()) == [(feed.head() + 1,)]


def test_after_flushall_the_stream_is_whole_again(ledger: Ledger, client: Any, settings: Settings) -> None:
    ledger.open("alice", funded=5)
    publish_all()
    before = indexes(client)

    client.flushdb()
    assert indexes(client) == []
    ledger.run("mint", account="alice", amount=1)
    publish_all()

    after = indexes(client)
    assert after[-1] == feed.head() == before[-1] + 1
    assert after == list(range(after[0], after[-1] + 1))
    assert set(before[1 - settings.EVENT_STREAM_LENGTH :]) <= set(after)


def test_the_stream_is_bounded_and_its_newest_are_kept(ledger: Ledger, client: Any, settings: Settings) -> None:
    settings.EVENT_STREAM_LENGTH = 10
    client.flushdb()
    ledger.open("alice")
    for amount in range(1, 301):
        ledger.run("mint", account="alice", amount=amount)

    publish_all()

    kept = indexes(client)
    assert kept[-1] == feed.head()
    assert 10 <= len(kept) < 200, "Redis trims by whole nodes"
    client.delete(publisher.STREAM)
    publish_all()
    assert len(indexes(client)) == 10


def test_a_part_that_redis_forgot_is_put_back(ledger: Ledger, client: Any) -> None:
    """A Redis that comes back from an older copy ends before what was published."""
    ledger.open("alice", funded=5)
    publish_all()
    end = feed.head()
    ledger.run("mint", account="alice", amount=1)
    publish_all()
    client.delete(publisher.STREAM)
    client.xadd(publisher.STREAM, {"log_index": str(end)}, id=f"{end}-1")

    publish_all()

    assert indexes(client) == [end, end + 1]


def test_two_publishers_at_once_publish_everything_once(ledger: Ledger, client: Any) -> None:
    publish_all()
    before = feed.head()
    ledger.open("alice")
    for amount in range(1, 51):
        ledger.run("mint", account="alice", amount=amount)
    sealing.seal()

    outcomes = together([publisher.publish, publisher.publish, publisher.publish])

    assert not [each for each in outcomes if isinstance(each, Exception)]
    assert [index for index in indexes(client) if index > before] == list(range(before + 1, feed.head() + 1))


def test_killed_before_the_cursor_is_written(ledger: Ledger, client: Any) -> None:
    publish_all()
    ledger.open("alice", funded=5)
    sealing.seal()
    killed = worker(
        "from ledger_project.webhooks import publisher\n"
        "append = publisher._append\n"
        "def append_and_die(*words):\n"
        "    append(*words)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "publisher._append = append_and_die\n"
        "publisher.publish()\n"
    )
    assert killed.wait(60) == -signal.SIGKILL
    ledger.run("mint", account="alice", amount=1)

    publish_all()

    published = indexes(client)
    assert published == sorted(set(published))
    assert published[-1] == feed.head()
    assert look("SELECT next_index FROM webhooks_outlet WHERE name = 'redis'", ()) == [(feed.head() + 1,)]


def test_a_stream_of_another_ledger_is_left_alone(ledger: Ledger, client: Any) -> None:
    publish_all()
    client.delete(publisher.STREAM)
    client.xadd(publisher.STREAM, {"log_index": "x"}, id="999999999-1")

    with pytest.raises(publisher.StreamAhead):
        publisher.publish()

    assert client.xlen(publisher.STREAM) == 1
    client.delete(publisher.STREAM)


def test_the_task_publishes_and_frees_its_place(ledger: Ledger, client: Any) -> None:
    ledger.open("alice", funded=5)
    sealing.seal()

    tasks.publish_events()
    assert indexes(client)[-1] == feed.head()
    with tasks.alone("webhooks:publisher") as mine:
        assert mine
        with tasks.alone("webhooks:publisher") as second:
            assert not second
