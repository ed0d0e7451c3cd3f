"""A paid ASGI application: FastAPI, Starlette, Django, or none of them."""

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import quote

from ledger_client.errors import LedgerError, PaymentRequiredError
from ledger_client.till import RESPONSE, SIGNATURE, Payment, Till

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Price = Callable[[Scope], int | None]
FAILED = 400


class RequireCredits:
    """Lets a request through when it brings a payment, and its answer out when that was settled.

        app = RequireCredits(app, till=Till(AsyncLedgerClient(), pay_to="scanner", asset="CRD"), price=price)

    `price` takes the scope and gives minor units, or None for what is free. The application says what the work cost in
    `scope["ledger.payment"].cost`. Of all requests with one payment one reaches it. Work that raises, or answers 400 or
    more, is not paid. An answer is kept back until it is whole and settled, so a streaming one is not for this.

    `origin` is what callers see the application at, such as `https://scanner.example`; without it, what they say in
    `Host`.
    """

    def __init__(self, app: App, *, till: Till, price: Price, origin: str | None = None) -> None:
        self.app, self.till, self.price, self.origin = app, till, price, origin

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = self.price(scope) if scope["type"] == "http" else None
        if asked is None:
            await self.app(scope, receive, send)
            return
        try:
            answer = await self._answer(scope, receive, asked)
        except PaymentRequiredError as unpaid:
            answer = _messages(unpaid)
        for message in answer:
            await send(message)

    async def _answer(self, scope: Scope, receive: Receive, asked: int) -> list[MutableMapping[str, Any]]:
        """The application's messages, paid for. Raises PaymentRequiredError."""
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        url = (self.origin or _origin(scope, headers)) + _path(scope)
        payment: Payment = await self.till.admit(headers.get(SIGNATURE.lower().encode()), asked, url)
        scope["ledger.payment"] = payment
        answer: list[MutableMapping[str, Any]] = []

        async def keep(message: MutableMapping[str, Any]) -> None:
            answer.append(message)

        try:
            await self.app(scope, receive, keep)
        except BaseException as error:
            await _decline(payment, error)
            raise
        start = answer[0]
        paid = await (payment.settle() if start["status"] < FAILED else payment.decline())
        start["headers"] = [*start.get("headers", ()), (RESPONSE.lower().encode(), paid.encode())]
        return answer


def _origin(scope: Scope, headers: dict[bytes, str]) -> str:
    """Where the caller believes the application to be."""
    host, port = scope.get("server") or ("localhost", None)
    return f"{scope.get('scheme', 'http')}://{headers.get(b'host') or (f'{host}:{port}' if port else host)}"


def _path(scope: Scope) -> str:
    """The path, as it was sent where the server says so, and the query."""
    path = (scope.get("raw_path") or quote(scope["path"]).encode()).decode("ascii")
    query = scope.get("query_string", b"").decode("latin-1")
    return path + (f"?{query}" if query else "")


async def _decline(payment: Payment, error: BaseException) -> None:
    try:
        await payment.decline()
    except LedgerError as refused:
        error.add_note(f"The payment was not given back, it ends by itself: {refused}")


def _messages(unpaid: PaymentRequiredError) -> list[MutableMapping[str, Any]]:
    """The 402 of an exception."""
    document, status, headers = unpaid.to_response()
    body = json.dumps(document).encode()
    headers["Content-Length"] = str(len(body))
    sent = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    return [
        {"type": "http.response.start", "status": status, "headers": sent},
        {"type": "http.response.body", "body": body},
    ]
