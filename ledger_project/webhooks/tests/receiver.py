"""A receiver of webhooks: a real HTTP server on this machine that answers as a test tells it to."""

import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Received:
    """One request as it came in."""

    path: str
    headers: dict[str, str]
    body: bytes
    connection: int  # the client's port

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]


@dataclass
class Reply:
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"thanks"
    wait: float = 0.0  # before answering
    drip: float = 0.0  # between two bytes of the answer's head
    hang_up: bool = False  # instead of answering


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512  # connections that wait: senders come in crowds

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Senders that are killed or that hang up are what the tests are about."""


Behaviour = Callable[[Received], Reply]


class Receiver:
    """Keeps what it received; `behaves` says what it answers."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.received: list[Received] = []
        self.behaves: Behaviour = lambda request: Reply()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                receiver.serve(self)

            do_GET = do_POST

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing."""

        self.server = Server(("127.0.0.1", 0), Handler)
        if context is not None:
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.scheme = "https" if context else "http"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self.thread.start()

    @property
    def port(self) -> int:
        return self.server.server_port

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}/hook"

    @property
    def ids(self) -> list[str]:
        return [request.id for request in self.received]

    def serve(self, handler: BaseHTTPRequestHandler) -> None:
        length = int(handler.headers.get("Content-Length", 0))
        body = handler.rfile.read(length)
        if len(body) < length:  # its sender was killed
            handler.close_connection = True
            return
        headers = {name.lower(): value for name, value in handler.headers.items()}
        request = Received(handler.path, headers, body, handler.client_address[1])
        self.received.append(request)
        reply = self.behaves(request)
        time.sleep(reply.wait)
        if reply.hang_up:
            handler.close_connection = True
            return
        if reply.drip:
            self._drip(handler, reply)
            return
        handler.send_response(reply.status)
        for name, value in reply.headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(reply.body)))
        handler.end_headers()
        handler.wfile.write(reply.body)

    def _drip(self, handler: BaseHTTPRequestHandler, reply: Reply) -> None:
        """One byte at a time: no single wait is long, all of them together are."""
        handler.close_connection = True
        try:
            for byte in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"z" * 1000:
                handler.wfile.write(bytes([byte]))
                time.sleep(reply.drip)
        except OSError:
            return

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()
