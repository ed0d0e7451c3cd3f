"""Transfers over HTTP against plain DRF views in the same server."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from bench.books import Books, Function, chance
from bench.harness import Case, OpenLoop, Ratio, Tail, report, take_turns
from ledger_project.testing.api import Api

CONNECTIONS = 16
ROOT = Path(__file__).resolve().parent.parent


class Poster:
    """A keep-alive connection of each thread, which posts as cheaply as Python can: the machine is the server's."""

    def __init__(self, port: int, token: str) -> None:
        self.port, self.token = port, token
        self.begin()

    def begin(self) -> None:
        """Connect anew: the server has closed what was idle while others took their turns."""
        self._local = threading.local()

    def post(self, path: str, body: Any) -> bytes:
        """The answer's body. A status that is not 200 or 201 ends the run."""
        text = json.dumps(body).encode()
        head = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {self.token}\r\n"
            f"Idempotency-Key: {uuid.uuid4().hex}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(text)}\r\n\r\n"
        )
        connection = self._connection()
        connection.sendall(head.encode() + text)
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += self._read(connection)
        headers, _, content = answer.partition(b"\r\n\r\n")
        length = int(headers.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        while len(content) < length:
            content += self._read(connection)
        if headers[9:12] not in {b"200", b"201"}:
            raise SystemExit(f"{path}: {headers.decode()}\n{content.decode()}")
        return content

    def _connection(self) -> socket.socket:
        if not hasattr(self._local, "connection"):
            self._local.connection = socket.create_connection(("127.0.0.1", self.port), timeout=30)
            self._local.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection: socket.socket = self._local.connection
        return connection

    @staticmethod
    def _read(connection: socket.socket) -> bytes:
        received = connection.recv(65536)
        if not received:
            raise SystemExit("the server closed a connection")
        return received


@contextmanager
def served() -> Iterator[int]:
    """The port of a web server as `make up` starts it, which also has the views to compare with."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    words = ["-m", "gunicorn", "bench.wsgi:application", f"--bind=127.0.0.1:{port}"]
    options = ["--workers=2", "--threads=16", "--no-control-socket", "--graceful-timeout=1", "--log-level=warning"]
    process = subprocess.Popen([sys.executable, *words, *options], cwd=ROOT, env=os.environ)
    try:
        for _ in range(300):
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait(30)


def main(rounds: int, seconds: float) -> None:
    books = Books()
    function = Function(books)
    api = Api(books.ledger)
    with served() as port:
        poster = Poster(port, api.token)

        def body() -> dict[str, Any]:
            payer, receiver = chance.sample(books.names, 2)
            return {"from_account": payer, "to_account": receiver, "amount": "5"}

        def transfer(_: int) -> int:
            poster.post("/v1/transfers", body())
            return 1

        def bulk(_: int) -> int:
            commands = [
                {"command": "transfer", "idempotency_key": uuid.uuid4().hex, "args": body()} for _ in range(100)
            ]
            poster.post("/v1/bulk", {"commands": commands, "atomic": False})
            return 100

        def nothing(_: int) -> int:
            poster.post("/bench/nothing", body())
            return 1

        def by_function(_: int) -> int:
            payer, receiver, amount = function.arguments()[2:5]
            sent = {"from_account": str(payer), "to_account": str(receiver), "amount": str(amount)}
            poster.post("/bench/function", sent)
            return 1

        case = partial(Case, before=poster.begin)
        views = case(VIEW, nothing, callers=CONNECTIONS)
        transfers = case(TRANSFERS, transfer, callers=CONNECTIONS)
        cases = [
            views,
            OpenLoop(f"{VIEW}, open loop at half of that rate", views, 0.5),
            case("DRF view, PL/pgSQL function", by_function, callers=CONNECTIONS),
            case("POST /v1/transfers, one connection", transfer),
            transfers,
            OpenLoop(f"{TRANSFERS}, open loop at half of that rate", transfers, 0.5),
            case("POST /v1/bulk of 100", bulk, callers=CONNECTIONS),
        ]
        take_turns(cases, rounds=rounds, seconds=seconds)
        report(cases, RATIOS, {}, to=Path("bench/results/http.json"))


TRANSFERS = "POST /v1/transfers"
VIEW = "DRF view, no write"
RATIOS = [
    Ratio("transfers over a DRF view that writes nothing", TRANSFERS, VIEW, 0.6),
    Ratio("transfers over a DRF view and a function", TRANSFERS, "DRF view, PL/pgSQL function", 1.3),
    Ratio("bulk of 100 over single transfers", "POST /v1/bulk of 100", TRANSFERS, 8.0),
    Tail("p99 of transfers over their p50", TRANSFERS, 5.0),
]
