"""Calls with `?wait=sealed` against a real gunicorn, many times as many as it has threads, and nobody who seals."""

import json
import os
import select
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import psycopg
import pytest

from ledger_project.log import sealing
from ledger_project.log.models import Leaf
from ledger_project.testing.api import Api
from ledger_project.testing.frozen import a_frozen_redis
from ledger_project.testing.ledger import Ledger
from ledger_project.testing.serving import PATIENCE, THREADS, ask, processes, read, serve

pytestmark = pytest.mark.slow

WAITERS = 10 * THREADS
LONG = "100"  # s, longer than any of these tests takes


@pytest.fixture(scope="module")
def served() -> Iterator[int]:
    """A web process that waits for the log for longer than anybody here does; its port."""
    with serve(workers=1, SEAL_WAIT=LONG, SEAL_WAITERS=str(WAITERS)) as port:
        yield port


@pytest.fixture
def shop(api: Api, ledger: Ledger) -> Api:
    ledger.open("alice", "bob", funded=1000)
    return api


def paying(api: Api, key: str, query: str = "?wait=sealed", version: str = "1.1") -> bytes:
    body = b'{"from_account": "alice", "to_account": "bob", "amount": 1}'
    head = f"""POST /v1/transfers{query} HTTP/{version}
Host: localhost
Authorization: Bearer {api.token}
Idempotency-Key: {key}
Content-Type: application/json
Content-Length: {len(body)}

"""
    return head.replace("\n", "\r\n").encode() + body


def event_of(answer: bytes) -> dict[str, object]:
    assert answer.startswith(b"HTTP/1.1 201"), answer
    event: dict[str, object] = json.loads(answer.partition(b"\r\n\r\n")[2])["event"]
    return event


@contextmanager
def waiters(port: int, api: Api, count: int = WAITERS) -> Iterator[list[socket.socket]]:
    """Callers whose payments are made, and who wait for their places."""
    with ExitStack() as stack:
        clients = []
        for n in range(count):
            clients.append(stack.enter_context(socket.create_connection(("127.0.0.1", port), PATIENCE)))
            clients[-1].sendall(paying(api, f"w{n}"))
        deadline = time.monotonic() + PATIENCE
        while api.ledger.balance("bob").get("available", 0) < 1000 + count:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield clients


def nobody_was_answered(clients: list[socket.socket]) -> bool:
    return not select.select(clients, [], [], 0)[0]


def test_who_waits_holds_no_thread(served: int, shop: Api) -> None:
    with waiters(served, shop) as clients:
        with socket.create_connection(("127.0.0.1", served), PATIENCE) as other:
            for n in range(2 * THREADS):
                other.sendall(paying(shop, f"other{n}", query=""))
                assert event_of(read(other))["state"] == "recorded"
        assert ask(served, "/healthz")[0] == 200
        assert nobody_was_answered(clients)

        sealing.seal()

        events = [event_of(read(client)) for client in clients]
        assert {event["state"] for event in events} == {"sealed"}
        assert len({event["log_index"] for event in events}) == WAITERS
        assert events[0]["log_index"] == Leaf.objects.get(event=str(events[0]["id"])[4:]).log_index


def test_what_came_behind_is_answered_behind(served: int, shop: Api) -> None:
    """Two at once on one connection: the second waits for the first, whose answer was kept, and is kept itself."""
    with waiters(served, shop, 1) as [client]:
        client.sendall(paying(shop, "second"))
        client.sendall(paying(shop, "third", query=""))
        time.sleep(0.3)
        assert nobody_was_answered([client])
        sealing.seal()
        first = event_of(read(client))
        assert first["state"] == "sealed"
        deadline = time.monotonic() + PATIENCE
        while nobody_was_answered([client]):
            assert time.monotonic() < deadline
            sealing.seal()
        second, third = event_of(read(client)), event_of(read(client))

    assert (second["state"], third["state"]) == ("sealed", "recorded")


def test_who_finds_no_room_is_answered_at_once(served: int, shop: Api) -> None:
    with waiters(served, shop) as clients:
        with socket.create_connection(("127.0.0.1", served), PATIENCE) as other:
            other.sendall(paying(shop, "other"))
            assert event_of(read(other))["state"] == "recorded"
        assert nobody_was_answered(clients)
        sealing.seal()
        for client in clients:
            read(client)
        with socket.create_connection(("127.0.0.1", served), PATIENCE) as other:  # the room is free again
            other.sendall(paying(shop, "late"))
            time.sleep(0.3)
            assert nobody_was_answered([other])
            sealing.seal()
            assert event_of(read(other))["state"] == "sealed"


def test_a_batch_is_answered_when_it_is_sealed(served: int, shop: Api) -> None:
    commands = [
        {"command": "open_account", "idempotency_key": str(n), "args": {"name": f"carol{n}"}} for n in range(300)
    ]
    body = json.dumps({"atomic": False, "commands": commands}).encode()
    head = paying(shop, "k").partition(b"Content-Length")[0].replace(b"/v1/transfers", b"/v1/bulk")
    with socket.create_connection(("127.0.0.1", served), PATIENCE) as client:
        client.sendall(head + f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
        deadline = time.monotonic() + PATIENCE
        while nobody_was_answered([client]):
            assert time.monotonic() < deadline
            sealing.seal()
        results = json.loads(read(client).partition(b"\r\n\r\n")[2])["results"]

    assert {result["event"]["state"] for result in results} == {"sealed"}
    assert len(results) == 300


def test_the_wait_ends_with_the_key(served: int, shop: Api) -> None:
    other = Api(shop.ledger)
    with waiters(served, other, 1) as [client]:
        assert nobody_was_answered([client])
        assert shop.post(f"/v1/api-keys/{other.id}/revoke").status_code == 201
        assert event_of(read(client))["state"] == "recorded"


def test_old_clients_are_answered_and_left(served: int, shop: Api) -> None:
    with socket.create_connection(("127.0.0.1", served), PATIENCE) as client:
        client.sendall(paying(shop, "old", version="1.0"))
        time.sleep(0.3)
        assert nobody_was_answered([client])
        sealing.seal()
        got = b""
        while piece := client.recv(10_000):
            got += piece
    assert b"Connection: close" in got
    assert b'"state":"sealed"' in got


def test_who_has_gone_takes_nobody_along(served: int, shop: Api) -> None:
    with waiters(served, shop):
        pass
    sealing.seal()
    assert ask(served, "/healthz")[0] == 200
    with waiters(served, shop, 1) as [client]:
        sealing.seal()
        assert event_of(read(client))["state"] == "sealed"


def test_a_server_that_stops_answers_those_who_wait(shop: Api) -> None:
    with serve(workers=1, SEAL_WAIT=LONG, to_the_end=False) as port, waiters(port, shop) as clients:
        [process] = processes(port)
        process.terminate()
        answers = [read(client) for client in clients]
    assert {event_of(answer)["state"] for answer in answers} == {"recorded"}
    assert all(b"Connection: close" in answer for answer in answers)


def test_a_database_that_hangs_keeps_nobody_beyond_the_time(shop: Api) -> None:
    with (
        serve(workers=1, SEAL_WAIT="2") as port,
        waiters(port, shop, 1) as [client],
        psycopg.connect(os.environ["DATABASE_OWNER_URL"]) as owner,
    ):
        time.sleep(0.3)
        owner.execute("LOCK TABLE log_leaf IN ACCESS EXCLUSIVE MODE")

        assert event_of(read(client))["state"] == "recorded"

        found = owner.execute("SELECT count(*) FROM pg_locks WHERE NOT granted").fetchone()
        assert found == (1,), "who looks for places is still kept from it"


def test_a_frozen_redis_keeps_nobody_waiting(shop: Api) -> None:
    with (
        a_frozen_redis() as url,
        serve(workers=1, SEAL_WAIT="1", REDIS_URL=url) as port,
        socket.create_connection(("127.0.0.1", port), PATIENCE) as client,
    ):
        client.sendall(paying(shop, "k"))
        assert event_of(read(client))["state"] == "recorded"
