"""Sending one request to one target: to addresses that were judged, in a bounded time, for a bounded answer.

The name is resolved when a connection is made, and the connection goes to one of the addresses found, so nobody can
answer differently in between; the Host header and the certificate's name stay those of the URL. Redirects are not
followed, proxies of the environment not asked. httpx2's own engine is used directly, because its network backend is the
one public place where both the address and the time of a whole exchange can be decided.
"""

import ssl
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import httpcore2
import httpx2

from ledger_project.outbound.addresses import Target, UnresolvableHost, resolve
from ledger_project.outbound.errors import UnsafeUrl

DEADLINE = 15.0  # seconds for the whole exchange
CONNECT = 5.0  # seconds for one address
ANSWER_LIMIT = 16 * 1024  # bytes of the answer that are read
EXCERPT = 500  # characters of it that are kept

_LOST = (httpcore2.ReadError, httpcore2.WriteError, httpcore2.RemoteProtocolError)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: a status, or a word for why there is none."""

    status: int | None = None
    error: str = ""
    detail: str = ""
    headers: Mapping[str, str] | None = None
    milliseconds: int = 0
    content: bytes | None = None  # the whole body; None where it is larger than the limit

    @property
    def accepted(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


class _Clock:
    """What is left of one exchange's time."""

    def __init__(self) -> None:
        self.start(DEADLINE)

    def start(self, seconds: float) -> None:
        self.began = time.monotonic()
        self._ends = self.began + seconds

    def left(self, most: float | None = None) -> float:
        left = self._ends - time.monotonic()
        if left <= 0:
            raise httpcore2.ReadTimeout("the time of the whole exchange is over")
        return left if most is None else min(left, most)


class _BoundedStream(httpcore2.NetworkStream):
    """A connection whose every operation ends with the exchange, however slowly bytes drip in."""

    def __init__(self, stream: httpcore2.NetworkStream, clock: _Clock) -> None:
        self._stream = stream
        self._clock = clock

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._clock.left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._clock.left())

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        stream = self._stream.start_tls(ssl_context, server_hostname, self._clock.left(CONNECT))
        return _BoundedStream(stream, self._clock)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _PinnedNetwork(httpcore2.NetworkBackend):
    """Connects to the addresses of one target and to nothing else."""

    def __init__(self, target: Target, clock: _Clock) -> None:
        self._target = target
        self._clock = clock
        self._sockets = httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        failure: Exception | None = None
        for address in resolve(self._target):
            try:
                timeout = self._clock.left(CONNECT)
                stream = self._sockets.connect_tcp(
                    str(address), self._target.port, timeout, socket_options=socket_options or ()
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
            else:
                return _BoundedStream(stream, self._clock)
        raise failure or httpcore2.ConnectError("no address")


class Wire:
    """A connection to one target, kept open from one request to the next."""

    def __init__(self, target: Target, *, context: ssl.SSLContext | None = None) -> None:
        self.target = target
        self._clock = _Clock()
        self._context = context
        self._pool = self._fresh_pool()
        self._reused = False

    def close(self) -> None:
        self._pool.close()

    def get(self, headers: Mapping[str, str]) -> Answer:
        """Ask; never raises for what the other side, DNS or the network does."""
        return self._send("GET", headers, b"")

    def post(self, headers: Mapping[str, str], body: bytes) -> Answer:
        """Send the body; never raises for what the other side, DNS or the network does."""
        return self._send("POST", {"Content-Length": str(len(body)), **headers}, body)

    def _send(self, method: str, headers: Mapping[str, str], body: bytes) -> Answer:
        self._clock.start(DEADLINE)
        began = self._clock.began
        try:
            status, answered, content = self._exchange(method, headers, body)
        except UnsafeUrl as refusal:
            outcome = Answer(error="unsafe_url", detail=str(refusal.facts["reason"]))
        except UnresolvableHost as error:
            outcome = Answer(error="unresolvable_host", detail=str(error))
        except httpcore2.TimeoutException as error:
            outcome = Answer(error="timeout", detail=str(error))
        except (httpcore2.NetworkError, httpcore2.ProtocolError) as error:
            word = "tls" if isinstance(error.__cause__ or error.__context__, ssl.SSLError) else "connection"
            outcome = Answer(error=word, detail=str(error))
        else:
            text = content[: 4 * EXCERPT].decode(errors="replace")
            whole = content if len(content) <= ANSWER_LIMIT else None
            outcome = Answer(status=status, detail=text, headers=answered, content=whole)
        milliseconds = round((time.monotonic() - began) * 1000)
        return replace(outcome, detail=clean(outcome.detail), milliseconds=milliseconds)

    def _exchange(self, method: str, headers: Mapping[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
        try:
            return self._request(method, headers, body)
        except _LOST:
            # A connection that was kept may have been closed by the other side at this very moment; a new one has not.
            if not self._reused:
                raise
            self._pool.close()
            self._pool, self._reused = self._fresh_pool(), False
            return self._request(method, headers, body)

    def _request(self, method: str, headers: Mapping[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
        target = self.target
        url = httpcore2.URL(scheme=target.scheme, host=target.host, port=target.port, target=target.path)
        given = {"Host": target.header, **headers}
        with self._pool.stream(method, url, headers=list(given.items()), content=body) as response:
            read = b""
            for chunk in response.iter_stream():
                read += chunk
                if len(read) > ANSWER_LIMIT:
                    break
            self._reused = True
            answered = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}
            return response.status, answered, read

    def _fresh_pool(self) -> httpcore2.ConnectionPool:
        return httpcore2.ConnectionPool(
            ssl_context=self._context or _tls(),
            max_connections=1,
            keepalive_expiry=5.0,
            network_backend=_PinnedNetwork(self.target, self._clock),
        )


@lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    """The machine's trusted authorities, read once."""
    return httpx2.create_ssl_context()


def clean(text: str) -> str:
    """Text from outside, fit to be kept and shown: short, and without control characters."""
    return "".join(character if character.isprintable() else " " for character in text[:EXCERPT]).strip()
