"""Calls without a transport: what to send, when to wait and when to give up, written once for both clients.

A plan is a generator. It yields a `Request` and is sent the `Reply`, or `Lost` where none came; it yields a `Pause` and
is resumed when that is over. `LedgerClient` runs plans with a blocking transport, `AsyncLedgerClient` with an awaiting
one; neither decides anything.
"""

import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from functools import update_wrapper
from typing import Any, Concatenate, Generic, NoReturn, ParamSpec, TypeVar, overload

from ledger_client.errors import LedgerUnreachable, error_of

P = ParamSpec("P")
T = TypeVar("T")

TRIES = 6
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0  # seconds between tries where the ledger does not say how long
LONGEST_ASKED = 60.0  # of a Retry-After, which for a rate limit is the rest of a minute
MAX_PAGE = 500


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    params: Mapping[str, Any] = field(default_factory=dict)
    body: Any = None
    key: str | None = None  # the idempotency key that the body has, where it is one command

    @property
    def content(self) -> bytes | None:
        return None if self.body is None else json.dumps(self.body, ensure_ascii=False, allow_nan=False).encode()


@dataclass(frozen=True)
class Reply:
    status: int
    body: Any
    retry_after: float | None = None

    @classmethod
    def read(cls, status: int, content: bytes, retry_after: str | None) -> "Reply":
        """What came over the wire; a proxy's error page is a reply without a problem."""
        try:
            body = json.loads(content)
        except ValueError:
            body = {}
        seconds = float(retry_after) if retry_after and retry_after.isascii() and retry_after.isdigit() else None
        return cls(status, body, seconds)

    @property
    def again(self) -> bool:
        """Whether it may be otherwise in a moment; in a batch, for any of its commands."""
        results = self.body.get("results") if isinstance(self.body, dict) else None
        inner = [one.get("status") for one in results if isinstance(one, dict)] if isinstance(results, list) else []
        return any(isinstance(status, int) and (status == 429 or status >= 500) for status in [self.status, *inner])


@dataclass(frozen=True)
class Lost:
    """No reply; what was sent may have been done."""

    reason: str


@dataclass(frozen=True)
class Pause:
    seconds: float


Answer = Reply | Lost | None
Plan = Generator[Request | Pause, Answer, T]


def exchange(request: Request, tries: int = TRIES, ledger: str = "") -> Plan[Any]:
    """Send until there is an answer, always the same request, to the ledger at this URL. Raises LedgerError."""
    for attempt in range(1, tries + 1):
        reply = yield request
        last = attempt == tries
        if isinstance(reply, Reply) and (last or not reply.again):
            return _accepted(reply, ledger)
        if last:
            raise LedgerUnreachable(reply.reason if isinstance(reply, Lost) else "no reply", request.key)
        yield Pause(_pause(reply, attempt))
    raise ValueError("a request is tried at least once")


def _pause(reply: Answer, attempt: int) -> float:
    if isinstance(reply, Reply) and reply.retry_after is not None:
        return min(reply.retry_after, LONGEST_ASKED)
    # Callers that lost the same server must not come back all at once.
    return min(LONGEST_PAUSE, FIRST_PAUSE * float(2 ** (attempt - 1))) * random.uniform(0.5, 1)  # noqa: S311


def _accepted(reply: Reply, ledger: str) -> Any:
    if reply.status >= 300:
        raise_problem(reply, ledger)
    return reply.body


def raise_problem(reply: Reply, ledger: str) -> NoReturn:
    """Raise the LedgerError that the reply of the ledger at this URL tells of."""
    problem = reply.body if isinstance(reply.body, dict) and "code" in reply.body else {"code": f"http_{reply.status}"}
    raise error_of({**problem, "status": reply.status}, ledger)


class Blocking:
    """Whose plans are run at once."""

    def run(self, plan: Plan[T]) -> T:
        raise NotImplementedError


class Awaiting:
    """Whose plans are awaited."""

    async def run(self, plan: Plan[T]) -> T:
        raise NotImplementedError


class operation(Generic[P, T]):
    """A method that is written as a plan; a blocking client's returns the result, an awaiting one's is awaited."""

    def __init__(self, plan: Callable[Concatenate[Any, P], Plan[T]]) -> None:
        self.plan = plan
        self.__doc__ = plan.__doc__

    @overload
    def __get__(self, instance: None, owner: type) -> "operation[P, T]": ...
    @overload
    def __get__(self, instance: Blocking, owner: type) -> Callable[P, T]: ...
    @overload
    def __get__(self, instance: Awaiting, owner: type) -> Callable[P, Awaitable[T]]: ...
    @overload
    def __get__(self, instance: object, owner: type) -> Callable[P, Any]: ...

    def __get__(self, instance: Any, owner: type) -> Any:
        if instance is None:
            return self

        def call(*args: P.args, **kwargs: P.kwargs) -> Any:
            return instance.run(self.plan(instance, *args, **kwargs))

        return update_wrapper(call, self.plan)


class Listing(Generic[T]):
    """The results of a list, fetched in pages as they are asked for: `for …` or `async for …`, each time anew."""

    def __init__(
        self, client: Any, path: str, params: Mapping[str, Any], limit: int | None, show: Callable[[Any], T]
    ) -> None:
        self.client, self.path, self.limit, self.show = client, path, limit, show
        self.params = {name: str(value) for name, value in params.items() if value is not None}

    def _page(self, cursor: str | None, left: int | None) -> Plan[tuple[list[T], str | None]]:
        limit = MAX_PAGE if left is None else min(left, MAX_PAGE)
        place = {"cursor": cursor} if cursor else {}
        body = yield from self.client.ask(Request("GET", self.path, {**self.params, **place, "limit": limit}))
        return [self.show(item) for item in body["results"]], body["next"]

    def __iter__(self) -> Iterator[T]:
        cursor, left = None, self.limit
        while left is None or left > 0:
            items, cursor = self.client.run(self._page(cursor, left))
            yield from items
            left = None if left is None else left - len(items)
            if cursor is None:
                return

    async def __aiter__(self) -> AsyncIterator[T]:
        cursor, left = None, self.limit
        while left is None or left > 0:
            items, cursor = await self.client.run(self._page(cursor, left))
            for item in items:
                yield item
            left = None if left is None else left - len(items)
            if cursor is None:
                return

    def collect(self) -> Plan[list[T]]:
        """All of it, as a plan."""
        found: list[T] = []
        cursor, left = None, self.limit
        while left is None or left > 0:
            items, cursor = yield from self._page(cursor, left)
            found += items
            left = None if left is None else left - len(items)
            if cursor is None:
                break
        return found
