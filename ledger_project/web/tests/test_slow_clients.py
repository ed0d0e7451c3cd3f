"""Clients that are slow on purpose, against a real gunicorn without a proxy: everybody else is answered meanwhile.

Each kind is several times as many as there are threads, and all of them hold on while others call.
"""

import select
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from ledger_project.testing.api import Api
from ledger_project.testing.ledger import Ledger
from ledger_project.testing.serving import PATIENCE, ask, processes, read, serve

pytestmark = pytest.mark.slow

SLOW = 60
KEPT = 500  # connections of a process, as gunicorn.conf.py says


@pytest.fixture(scope="module")
def served() -> Iterator[int]:
    """A web process as `make up` starts it, with few threads; its port."""
    with serve(workers=1) as port:
        yield port


Opening = Callable[[socket.socket], None]
HEAD = b"POST /v1/transfers HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
LOGIN = b"POST /admin/login/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=x\r\n"
KINDS: dict[str, bytes] = {
    "silent": b"",
    "half a head": HEAD,
    "one byte": b"G",
    "half a body": HEAD + b"Content-Length: 1000\r\n\r\n{",
    "waiting to be told to go on": HEAD + b"Expect: 100-continue\r\nContent-Length: 1000\r\n\r\n",
    "long body": LOGIN + b"Content-Length: 50000000\r\n\r\n--x\r\n",
    "chunks without end": HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    "answered and not gone": b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    "not reading": b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n" * 20,
    "the second request": b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\nGET /healthz",
}
HELD = {"silent", "half a head", "one byte", "half a body"}  # in the poller, for longer than this test takes


@pytest.mark.parametrize("kind", KINDS)
def test_slow_clients_take_no_thread_that_others_need(kind: str, served: int, api: Api, ledger: Ledger) -> None:
    ledger.open("alice", "bob", funded=50)
    body = b'{"from_account": "alice", "to_account": "bob", "amount": 5}'
    with ExitStack() as stack:
        slow = []
        for _ in range(SLOW):
            client = stack.enter_context(socket.socket())
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(("127.0.0.1", served))
            client.sendall(KINDS[kind])
            slow.append(client)

        for n in range(5):
            sent = {"Authorization": f"Bearer {api.token}", "Idempotency_Key": f"t{n}"}
            status, answer = ask(served, "/v1/transfers", "POST", body, Content_Type="application/json", **sent)
            assert status == 201, answer
        assert ask(served, "/healthz")[0] == 200
        if kind in HELD:
            assert select.select(slow, [], [], 0)[0] == []

    assert ledger.balance("bob") == {"available": 75}


def test_a_request_in_pieces_is_a_request(served: int, api: Api, ledger: Ledger) -> None:
    ledger.open("alice", "bob", funded=50)
    body = b'{"from_account": "alice", "to_account": "bob", "amount": 5}'
    head = f"Authorization: Bearer {api.token}\r\nContent-Length: {len(body)}\r\nIdempotency-Key: ".encode()
    requests = [HEAD + head + f"piece-{n}".encode() + b"\r\n\r\n" + body for n in range(3)]

    with socket.create_connection(("127.0.0.1", served), timeout=PATIENCE) as client:
        for piece in [requests[0][place : place + 50] for place in range(0, len(requests[0]), 50)]:
            client.sendall(piece)
            time.sleep(0.001)
        assert read(client).startswith(b"HTTP/1.1 201")
        client.sendall(requests[1] + requests[2])  # two at once on one connection
        assert read(client).startswith(b"HTTP/1.1 201")
        assert read(client).startswith(b"HTTP/1.1 201")
    with socket.create_connection(("127.0.0.1", served), timeout=PATIENCE) as client:
        client.sendall(requests[0].replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n").removesuffix(body))
        assert client.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(body)
        assert b"Idempotent-Replayed: true" in read(client)

    assert ledger.balance("bob") == {"available": 65}


def test_what_is_too_long_or_too_late_is_told_so(served: int) -> None:
    with socket.create_connection(("127.0.0.1", served), timeout=PATIENCE) as client:
        client.sendall(b"GET / HTTP/1.1\r\n" + b"X-Long: x\r\n" * 6000)
        assert client.recv(1000).startswith(b"HTTP/1.1 431 ")
    with socket.create_connection(("127.0.0.1", served), timeout=PATIENCE) as client:
        client.sendall(HEAD)
        assert client.recv(1000).startswith(b"HTTP/1.1 408 ")
    assert ask(served, "/v1/transfers", "POST", b"x" * 2_000_000, Content_Type="application/json")[0] in {401, 413}


def test_a_crowd_of_silent_clients_leaves_room_for_who_speaks(served: int) -> None:
    """More connections than a process keeps: those that have been silent for longest make room."""
    with ExitStack() as stack:
        silent = [stack.enter_context(socket.create_connection(("127.0.0.1", served))) for _ in range(600)]

        assert ask(served, "/healthz")[0] == 200

        closed = select.select(silent, [], [], PATIENCE)[0]
        assert 100 <= len(closed) < 600
        assert silent[-1] not in closed


GET = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"


def kept(port: int, count: int, stack: ExitStack) -> list[socket.socket]:
    """Connections that had an answer, and may ask again."""
    clients = [stack.enter_context(socket.create_connection(("127.0.0.1", port), PATIENCE)) for _ in range(count)]
    for client in clients:
        client.sendall(GET)
        assert read(client).startswith(b"HTTP/1.1 200")
    return clients


def test_a_connection_that_another_process_took_costs_nobody_theirs() -> None:
    """All processes wake for one connection, and one of them gets it."""
    with serve(workers=2) as port, ExitStack() as stack:
        clients = kept(port, 20, stack)
        for _ in range(200):
            assert ask(port, "/healthz")[0] == 200
        for client in clients:
            client.sendall(GET)
            assert read(client).startswith(b"HTTP/1.1 200")


def test_who_made_room_while_asking_again_takes_nobody_along(served: int) -> None:
    """One more comes than a process keeps, while those that must make room for it are heard again."""
    [process] = processes(served)
    with ExitStack() as stack:
        clients = kept(served, KEPT - 1, stack)  # the last few are bidden farewell, and linger
        process.suspend()  # so that it learns of all of them at once
        try:
            for _ in range(20):
                stack.enter_context(socket.create_connection(("127.0.0.1", served)))
            for client in clients:
                client.sendall(GET)
        finally:
            process.resume()
        assert ask(served, "/healthz")[0] == 200
        assert processes(served) == [process]
