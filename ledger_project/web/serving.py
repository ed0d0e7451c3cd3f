"""gunicorn's worker with threads, for clients that are slow on purpose: none of them holds a thread that others need.

A request gets a thread when it is here as a whole. Until then it waits in the poller, where it costs its bytes, and not
for long. An answer that is not complete yet, as those of `?wait=sealed` (web/api/waiting.py), is kept without a thread,
too: the application says so in the WSGI environment. What can still make a thread wait is a client that does not take
its answer, or a body that is too long to be gathered first: for such clients a quarter of the threads wait at most, and
who comes when these do is cut off.
"""

import errno
import re
import select
import socket
import threading
import time
from collections.abc import Callable, Collection
from concurrent.futures import Future
from datetime import datetime
from functools import partial
from selectors import EVENT_READ
from typing import Any, Final

from gunicorn.workers.gthread import TConn, ThreadWorker

HEAD: Final = 64 * 1024  # bytes of a request line with its headers
BODY: Final = 1024 * 1024  # bytes of a body that is gathered before its request gets a thread
HELD: Final = 64 * 1024 * 1024  # bytes of requests that are not whole, of one process; the oldest makes room
HEAD_SECONDS, BODY_SECONDS = 10.0, 30.0  # until the head is whole, and then the body
LINGER_SECONDS = 2.0  # for a client to read its last answer
THREAD_SECONDS = 10.0  # that a thread waits for a client, each time
KEPT_SECONDS = 0.5  # that a kept answer may be late before it is sent as it is
READ: Final = 64 * 1024

_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,18})[ \t]*\r\n", re.IGNORECASE)
_CODED = re.compile(rb"\r\ntransfer-encoding:", re.IGNORECASE)
_EXPECT = re.compile(rb"\r\nexpect:[ \t]*100-continue[ \t]*(?=\r\n)", re.IGNORECASE)
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_LATE = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
_LONG = b"HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class ClientSocket(socket.socket):
    """A connection that never blocks in the poller, and in a thread only for a while and by permission."""

    waiting: threading.Semaphore

    @classmethod
    def of(cls, accepted: socket.socket, waiting: threading.Semaphore) -> "ClientSocket":
        made = cls(fileno=accepted.detach())
        socket.socket.setblocking(made, False)
        made.waiting = waiting
        return made

    def setblocking(self, flag: bool) -> None:
        """gunicorn means the waiting, which is decided here."""

    def recv_now(self, size: int) -> bytes:
        """What is here. Raises BlockingIOError."""
        return super().recv(size)

    def send_now(self, data: bytes) -> None:
        """As much as fits; whoever does not read gets less."""
        try:
            super().send(data)
        except OSError:
            return

    def recv(self, size: int, flags: int = 0) -> bytes:
        return self._in_time(select.POLLIN, partial(super().recv, size, flags))

    def send(self, data: Any, flags: int = 0) -> int:
        return self._in_time(select.POLLOUT, partial(super().send, data, flags))

    def sendall(self, data: Any, flags: int = 0) -> None:
        rest = memoryview(data).cast("B")
        while rest:
            rest = rest[self.send(rest, flags) :]

    def _in_time(self, event: int, act: Callable[[], Any]) -> Any:
        """Raises ConnectionResetError where there is nobody to wait for, or no permission to."""
        try:
            return act()
        except BlockingIOError:
            pass
        if not self.waiting.acquire(blocking=False):
            raise ConnectionResetError(errno.ECONNRESET, "too many slow clients are waited for already")
        try:
            poll = select.poll()
            poll.register(self, event)
            if not poll.poll(THREAD_SECONDS * 1000):
                raise ConnectionResetError(errno.ECONNRESET, "the client is too slow")
            return act()
        except BlockingIOError as error:
            raise ConnectionResetError(errno.ECONNRESET, "the client is too slow") from error
        finally:
            self.waiting.release()


class Kept(BaseException):
    """An answer that is to be sent later. Raised through gunicorn, which answers only what is an Exception at once."""

    began: datetime
    connection: "Connection"
    keepalive: bool

    def __init__(self, later: Any, response: Any, environ: dict[str, Any]) -> None:
        super().__init__()
        self.later, self.response, self.environ = later, response, environ

    def set_body(self) -> bytes:
        """The answer as it is by now, whose length the headers say."""
        body: bytes = self.later.body()
        headers = [(name, value) for name, value in self.response.headers if name.lower() != "content-length"]
        self.response.headers = [*headers, ("Content-Length", str(len(body)))]
        self.response.response_length = len(body)
        return body


class Connection(TConn):
    """A connection with what was read of its next request. `size` is the request's, once its head is known."""

    sock: ClientSocket
    parser: Any

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.buffer = bytearray()
        self.size: int | None = None
        self.whole = False  # the thread that serves it need not read from the socket
        self.deadline = 0.0
        self.data_ready = True  # gunicorn need not wait for data in a thread
        self.kept: Kept | None = None  # the answer that its thread leaves behind

    def begin(self) -> None:
        self.size, self.whole = None, False

    def is_ready(self) -> bool:
        """Whether a thread can go on with it: the request is here, or will not be gathered."""
        if self.size is None:
            head = self.buffer.find(b"\r\n\r\n")
            if head < 0:
                return False
            self.size = self._size(head + 4)
        self.whole = 0 <= self.size <= len(self.buffer)
        return self.whole or self.size < 0

    def _size(self, head: int) -> int:
        """Of the request with its body; below zero where only reading it tells, or where it is too long."""
        found = _LENGTH.search(self.buffer, 0, head)
        length = int(found[1]) if found else 0
        if length > BODY or _CODED.search(self.buffer, 0, head):
            return -1
        asked = _EXPECT.search(self.buffer, 0, head)
        if asked and len(self.buffer) < head + length:
            self.sock.send_now(_CONTINUE)
            del self.buffer[asked.start() : asked.end()]
            head -= asked.end() - asked.start()
        return head + length


class Worker(ThreadWorker):
    """Gathers requests in the poller, and closes connections there without waiting for their clients."""

    wsgi: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.waiting = threading.Semaphore(max(1, self.cfg.threads // 4))
        # Connections by what they are waited for, each in the order of their deadlines.
        self.heads: dict[Connection, None] = {}
        self.bodies: dict[Connection, None] = {}
        self.lingering: dict[Connection, None] = {}
        self.kept: dict[Kept, None] = {}  # by now without a thread
        self.held = 0

    def load_wsgi(self) -> None:
        super().load_wsgi()
        self.application, self.wsgi = self.wsgi, self._call

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """One event may end the connection of another of the same round, which is then nobody's any more."""
        for key, _ in self.poller.select(timeout):
            if self.poller.get_map().get(key.fd) is key:
                key.data(key.fileobj)

    def accept(self, listener: socket.socket) -> None:
        try:
            accepted, address = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):  # another process took it, or it is gone again
            return
        except OSError:  # no descriptor left
            self._make_room(self.lingering, self.bodies, self.heads, self.keepalived_conns)
            return
        self.nr_conns += 1
        if self.nr_conns >= self.worker_connections:
            self._make_room(self.lingering, self.bodies, self.heads, self.keepalived_conns)
        client = ClientSocket.of(accepted, self.waiting)
        self._gather(Connection(self.cfg, client, address, listener.getsockname()))

    def on_client_socket_readable(self, conn: Connection, client: ClientSocket) -> None:
        """A kept connection has its next request, or the beginning of it."""
        self.poller.unregister(client)
        self.keepalived_conns.remove(conn)
        self._gather(conn)

    def _gather(self, conn: Connection) -> None:
        """Wait for the whole of a request; most are here by now."""
        conn.begin()
        try:
            read = conn.sock.recv_now(READ)
        except BlockingIOError:
            read = None
        except OSError:
            read = b""
        conn.buffer += read or b""
        if read != b"" and conn.is_ready():
            self._serve(conn)
            return
        self.held += len(conn.buffer)
        conn.deadline = time.monotonic() + HEAD_SECONDS
        self.heads[conn] = None
        self.poller.register(conn.sock, EVENT_READ, partial(self._more, conn))
        if read == b"":
            self._drop(conn)
        else:
            self._sort(conn)

    def _more(self, conn: Connection, client: ClientSocket) -> None:
        try:
            read = client.recv_now(READ)
        except BlockingIOError:
            return
        except OSError:
            read = b""
        if not read:
            self._drop(conn)
            return
        conn.buffer += read
        self.held += len(read)
        if conn.is_ready():
            self.poller.unregister(client)
            self._forget(conn)
            self._serve(conn)
        else:
            self._sort(conn)

    def _sort(self, conn: Connection) -> None:
        """What a connection is waited for from now on, and whether there is room for what it sent."""
        if conn.size is None and len(conn.buffer) > HEAD:
            self._drop(conn, _LONG)
        elif conn.size is not None and conn in self.heads:
            del self.heads[conn]
            self.bodies[conn] = None
            conn.deadline = time.monotonic() + BODY_SECONDS
        while self.held > HELD:
            self._make_room(self.bodies, self.heads)

    def _serve(self, conn: Connection) -> None:
        """Give the request a thread, with all that was read of it."""
        conn.init()
        conn.parser.unreader.unread(bytes(conn.buffer))
        conn.buffer.clear()
        self.enqueue_req(conn)

    def _call(self, environ: dict[str, Any], start_response: Any) -> Any:
        """In the thread: the application. Raises Kept."""
        environ["ledger.can_keep"] = True
        answer = self.application(environ, start_response)
        later = environ.get("ledger.kept")
        if later is None:
            return answer
        answer.close()
        raise Kept(later, start_response.__self__, environ)

    def handle_request(self, req: Any, conn: Connection) -> bool:
        began = datetime.now()
        try:
            return bool(super().handle_request(req, conn))
        except Kept as kept:
            kept.began, kept.connection, conn.kept = began, conn, kept
            return True

    def _keepalive_after(self, conn: Connection, keepalive: bool) -> bool:
        """In the thread: a body that was not gathered is not read to its end for the sake of the connection."""
        return bool(keepalive and conn.whole and conn.parser.finish_body())

    def finish_request(self, conn: Connection, fs: "Future[Any]") -> None:
        if conn.kept:
            self._keep(conn.kept, keepalive=not fs.cancelled() and fs.exception() is None and fs.result())
            return
        if fs.cancelled() or fs.exception() is not None or not fs.result():
            self._linger(conn)
            return
        conn.buffer += conn.parser.unreader.take_buffered()
        if conn.buffer:  # the next request came with this one
            self._gather(conn)
            return
        super().finish_request(conn, fs)

    def _keep(self, kept: Kept, *, keepalive: bool) -> None:
        """Its thread is free. The connection is in no queue, so it makes no room for others and hears nothing."""
        kept.connection.kept, kept.keepalive = None, keepalive
        self.kept[kept] = None
        kept.later.over.add_done_callback(lambda _: self.method_queue.defer(self._complete, kept))

    def _complete(self, kept: Kept) -> None:
        """Have it sent by a thread, once."""
        if kept not in self.kept:
            return
        del self.kept[kept]
        fs = self.tpool.submit(self._send, kept)
        fs.add_done_callback(lambda fut: self.method_queue.defer(self.finish_request, kept.connection, fut))

    def _send(self, kept: Kept) -> bool:
        """In a thread: whether the connection stays."""
        response = kept.response
        if not (kept.keepalive and self.alive):
            response.force_close()
        try:
            response.write(kept.set_body())
            response.close()
        except OSError:  # nobody is there any more
            return False
        finally:
            self.log.access(response, response.req, kept.environ, datetime.now() - kept.began)
        return not response.should_close()

    def _linger(self, conn: Connection) -> None:
        """Close the connection when its client has read the answer, which a client with bytes unread might not see."""
        try:
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._close(conn)
            return
        conn.buffer.clear()
        conn.deadline = time.monotonic() + LINGER_SECONDS
        self.lingering[conn] = None
        self.poller.register(conn.sock, EVENT_READ, partial(self._drain, conn))

    def _drain(self, conn: Connection, client: ClientSocket) -> None:
        try:
            if client.recv_now(READ):
                return
        except BlockingIOError:
            return
        except OSError:
            pass
        self._drop(conn)

    def murder_pending(self) -> None:
        """Once in each round of the poller: part with those whose time is over."""
        now = time.monotonic()
        for queue, last_words in ((self.heads, _LATE), (self.bodies, _LATE), (self.lingering, b"")):
            while queue and (conn := next(iter(queue))).deadline <= now:
                self._drop(conn, last_words if conn.buffer else b"")
        for kept in [kept for kept in self.kept if not self.alive or kept.later.deadline + KEPT_SECONDS <= now]:
            self._complete(kept)  # we stop, or nobody says that it is over, as where the database hangs
        if not self.alive:
            for conn in [conn for conn in self.heads if not conn.buffer]:
                self._drop(conn)

    def _make_room(self, *queues: Collection[Connection]) -> None:
        """Part with the connection that is waited for longest, of the first of these that has any."""
        for queue in queues:
            if queue:
                self._drop(next(iter(queue)))
                return

    def _drop(self, conn: Connection, last_words: bytes = b"") -> None:
        """Close a connection that the poller has."""
        self.poller.unregister(conn.sock)
        if self.keepalived_conns and self.keepalived_conns[0] is conn:
            self.keepalived_conns.popleft()
        self._forget(conn)
        if last_words:
            conn.sock.send_now(last_words)
        self._close(conn)

    def _forget(self, conn: Connection) -> None:
        if conn in self.heads or conn in self.bodies:
            self.held -= len(conn.buffer)
        for queue in (self.heads, self.bodies, self.lingering):
            queue.pop(conn, None)

    def _close(self, conn: Connection) -> None:
        self.nr_conns -= 1
        conn.close()
