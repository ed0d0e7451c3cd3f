"""A real gunicorn, as `make up` starts it, for tests of how it serves."""

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 25  # s that a client waits for its answer; a server that waits for slow ones never gives it


@contextmanager
def serve(*, workers: int, threads: int) -> Iterator[int]:
    """A gunicorn, whose processes are the same ones in the end; its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    words = ["-m", "gunicorn", "ledger_project.wsgi:application", f"--bind=127.0.0.1:{port}"]
    options = [f"--workers={workers}", f"--threads={threads}", "--no-control-socket", "--graceful-timeout=1"]
    process = subprocess.Popen([sys.executable, *words, *options], cwd=ROOT, env=os.environ)
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
        assert processes(port) == begun
    finally:
        process.terminate()
        process.wait(30)


def processes(port: int) -> list[psutil.Process]:
    """Those that serve this port, without the one that watches over them."""
    bind = f"--bind=127.0.0.1:{port}"
    return [
        child for child in psutil.Process().children(recursive=True) if bind in child.cmdline() and not child.children()
    ]


def ask(port: int, path: str, method: str = "GET", body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)) as connection:
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        response = connection.getresponse()
        return response.status, response.read()
