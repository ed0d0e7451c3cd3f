"""A real gunicorn, as `make up` starts it, for tests of how it serves."""

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[2]
THREADS = 4
PATIENCE = 25  # s that a client waits for its answer; a server that waits for slow ones never gives it


@contextmanager
def serve(workers: int, *, to_the_end: bool = True, **settings: str) -> Iterator[int]:
    """A gunicorn; its port. Its processes are the same ones in the end, unless one is to be stopped."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    words = ["-m", "gunicorn", "ledger_project.wsgi:application", f"--bind=127.0.0.1:{port}"]
    options = [f"--workers={workers}", f"--threads={THREADS}", "--no-control-socket", "--graceful-timeout=1"]
    process = subprocess.Popen([sys.executable, *words, *options], cwd=ROOT, env=os.environ | settings)
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                assert ask(port, "/healthz")[0] == 200
                break
            except OSError:
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.1)
        begun = processes(port)
        assert len(begun) == workers
        yield port
        assert process.poll() is None
        assert not to_the_end or processes(port) == begun
    finally:
        process.terminate()
        process.wait(30)


def processes(port: int) -> list[psutil.Process]:
    """Those that serve this port, without the one that watches over them."""
    bind = f"--bind=127.0.0.1:{port}"
    found = []
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # PostgreSQL's come and go
            if bind in child.cmdline() and not child.children():
                found.append(child)
    return found


def ask(port: int, path: str, method: str = "GET", body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)) as connection:
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        response = connection.getresponse()
        return response.status, response.read()


def read(client: socket.socket) -> bytes:
    """One answer."""
    got = b""
    while b"\r\n\r\n" not in got:
        byte = client.recv(1)
        assert byte, "the server closed the connection"
        got += byte
    length = int(got.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    while length:
        piece = client.recv(length)
        got, length = got + piece, length - len(piece)
    return got
