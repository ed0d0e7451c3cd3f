"""The ledger behind a real socket, and a line that can be cut: for tests of clients."""

import socket
from collections import deque
from collections.abc import Callable, Iterable
from threading import Thread
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from django.core.handlers.wsgi import WSGIHandler

# Not `ledger_project.wsgi`: that names its settings in the environment, which the test run's workers inherit.
application = WSGIHandler()

Fault = Callable[[dict[str, Any], Callable[..., Any], Iterable[bytes]], Iterable[bytes]]


def lose_the_reply(environ: dict[str, Any], start: Callable[..., Any], body: Iterable[bytes]) -> Iterable[bytes]:
    """The ledger has done it, and the line breaks before the reply."""
    environ["test.socket"].shutdown(socket.SHUT_RDWR)
    start("200 OK", [])
    return [b""]


def answer(status: str, **headers: str) -> Fault:
    """The ledger has done it, and a proxy answers this instead."""

    def fault(environ: dict[str, Any], start: Callable[..., Any], body: Iterable[bytes]) -> Iterable[bytes]:
        start(status, [(name.replace("_", "-"), value) for name, value in headers.items()])
        return [b"<html>not the ledger</html>"]

    return fault


class _Handler(WSGIRequestHandler):
    def get_environ(self) -> dict[str, Any]:
        return {**super().get_environ(), "test.socket": self.connection}

    def log_message(self, *args: Any) -> None:
        """Nothing: pytest shows what matters."""


class _Patient(WSGIServer):
    request_queue_size = 128  # callers that come at once wait, and are not turned away


class Server:
    """`url`; `faults` happen to the next requests, one each; `seen` counts the requests."""

    def __init__(self) -> None:
        self.faults: deque[Fault] = deque()
        self.seen: list[str] = []
        self._server = _Patient(("127.0.0.1", 0), _Handler)
        self._server.set_app(self._serve)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def _serve(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        self.seen.append(f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}")
        if not self.faults:
            return application(environ, start)
        body = application(environ, lambda *ignored: None)
        answered = self.faults.popleft()(environ, start, body)
        if hasattr(body, "close"):
            body.close()
        return answered

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
