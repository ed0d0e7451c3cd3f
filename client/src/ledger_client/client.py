"""The ledger for Python programs: `LedgerClient`, and `AsyncLedgerClient` with the same names to be awaited.

Every call that changes something carries an idempotency key, and every try of it the same one, so a lost reply never
pays twice. `command` reaches every command of the ledger; the other methods are its common ones in short words. Those
that take `**more` pass it on as further arguments of the command, or as `idempotency_key`, `dry_run` or `wait`.
"""

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import httpx2

from ledger_client.operations import Operations
from ledger_client.plans import TRIES, Awaiting, Blocking, Lost, Pause, Plan, Reply, Request, raise_problem

T = TypeVar("T")
UP_FILE = Path("var/up.json")  # where a ledger that was started here says how to reach it


class _Connection(Operations):
    """Where the ledger is and who asks; what is not given is read from the environment, then from `var/up.json`."""

    def __init__(
        self,
        base_url: str | None = None,
        api_key: str | None = None,
        *,
        json_path: str | Path | None = None,
        default_provider_account: str | None = None,
        default_book: str | None = None,
        auto_create_accounts: bool = False,
        timeout: float = 30.0,
        tries: int = TRIES,
    ) -> None:
        """`json_path` is the file in which a ledger that was started here says its address and key (`var/up.json`)."""
        url, key = locate(base_url, api_key, json_path)
        self.url = url
        self.tries, self.default_provider, self.auto_create = tries, default_provider_account, auto_create_accounts
        self.default_book = default_book
        options: dict[str, Any] = {"base_url": url, "timeout": timeout, "headers": {"Authorization": f"Bearer {key}"}}
        self._open(options)

    def _open(self, options: dict[str, Any]) -> None:
        raise NotImplementedError


class LedgerClient(_Connection, Blocking):
    """The ledger, blocking. Safe to share between threads."""

    def _open(self, options: dict[str, Any]) -> None:
        self._http = httpx2.Client(**options)

    def run(self, plan: Plan[T]) -> T:
        answer: Reply | Lost | None = None
        while True:
            try:
                step = plan.send(answer)
            except StopIteration as end:
                return end.value  # type: ignore[no-any-return]
            answer = self._take(step)

    def _take(self, step: Request | Pause) -> Reply | Lost | None:
        if isinstance(step, Request):
            return self._send(step)
        time.sleep(step.seconds)
        return None

    def _send(self, request: Request) -> Reply | Lost:
        try:
            response = self._http.request(request.method, request.path, **_wire(request))
        except httpx2.TransportError as error:
            return Lost(f"{type(error).__name__}: {error}")
        return Reply.read(response.status_code, response.content, response.headers.get("Retry-After"))

    def download(self, path: str, **params: Any) -> Iterator[bytes]:
        """What an address streams, piece by piece: an export. Raises LedgerError before the first piece, and httpx2's
        errors where the line breaks; it is not tried again, since a part of it may be written already."""
        with self._http.stream("GET", path, params=_given(params)) as response:
            if response.status_code != 200:
                raise_problem(Reply.read(response.status_code, response.read(), None), self.url)
            yield from response.iter_bytes()

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> "LedgerClient":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncLedgerClient(_Connection, Awaiting):
    """The ledger, awaited: the same methods, and `async for` over its lists."""

    def _open(self, options: dict[str, Any]) -> None:
        self._http = httpx2.AsyncClient(**options)

    async def run(self, plan: Plan[T]) -> T:
        answer: Reply | Lost | None = None
        while True:
            try:
                step = plan.send(answer)
            except StopIteration as end:
                return end.value  # type: ignore[no-any-return]
            answer = await self._take(step)

    async def _take(self, step: Request | Pause) -> Reply | Lost | None:
        if isinstance(step, Request):
            return await self._send(step)
        await asyncio.sleep(step.seconds)
        return None

    async def _send(self, request: Request) -> Reply | Lost:
        try:
            response = await self._http.request(request.method, request.path, **_wire(request))
        except httpx2.TransportError as error:
            return Lost(f"{type(error).__name__}: {error}")
        return Reply.read(response.status_code, response.content, response.headers.get("Retry-After"))

    async def download(self, path: str, **params: Any) -> AsyncIterator[bytes]:
        """As LedgerClient has it, for `async for`."""
        async with self._http.stream("GET", path, params=_given(params)) as response:
            if response.status_code != 200:
                raise_problem(Reply.read(response.status_code, await response.aread(), None), self.url)
            async for piece in response.aiter_bytes():
                yield piece

    async def aclose(self) -> None:
        await self._http.aclose()

    async def __aenter__(self) -> "AsyncLedgerClient":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


def locate(base_url: str | None, api_key: str | None, up_file: str | Path | None = None) -> tuple[str, str]:
    """The ledger's URL and the key: as given, else of the named file, the environment, or `var/up.json`.

    Raises ValueError where nothing says them. A key is only ever sent to the URL that it was given with.
    """
    if up_file is None and base_url is None:
        base_url, api_key = os.environ.get("LEDGER_URL"), api_key or os.environ.get("LEDGER_API_KEY")
    if base_url is not None:
        key = api_key or os.environ.get("LEDGER_API_KEY")
        if not key:
            raise ValueError("No API key: give one, or set LEDGER_API_KEY.")
        return base_url, key
    path = Path(up_file) if up_file is not None else UP_FILE
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return str(found["url"]), str(api_key or found["api_key"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"No ledger: give its URL and key, set LEDGER_URL and LEDGER_API_KEY, or start one ({path})."
        ) from error


def _given(params: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in params.items() if value is not None}


def _wire(request: Request) -> dict[str, Any]:
    headers = {"Content-Type": "application/json"} if request.body is not None else {}
    return {"params": dict(request.params), "content": request.content, "headers": headers}
