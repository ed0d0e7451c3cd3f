"""A payment service on a real socket: keeps idempotency keys, counts what it paid, and can be told to misbehave."""

import json
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Receiver:
    """`answers` are taken one by one, by requests in the order of their coming; the default is to pay."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.paid: Counter[str] = Counter()
        self.answers: list[tuple[int, Any]] = []
        self.lock = threading.Lock()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status, answer = receiver.receive(body, dict(self.headers))
                text = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                self.send_response(status)
                if status in {301, 307}:
                    self.send_header("Location", "http://127.0.0.1:1/elsewhere")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/pay"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def receive(self, body: dict[str, Any], headers: dict[str, str]) -> tuple[int, Any]:
        with self.lock:
            self.requests.append({"body": body, "headers": headers})
            if self.answers:
                return self.answers.pop(0)
            key = headers["Idempotency-Key"]
            if not self.paid[key]:
                self.paid[key] += 1  # money leaves once a key
            return 200, {"status": "paid", "external_ref": f"0x{key[-16:]}"}

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
