"""The services of docs/402.md, run as they stand there, and what their customers cannot do."""

import asyncio
import base64
import json
import re
import time
from pathlib import Path
from typing import Any

import httpx2
import pytest
from django.http import JsonResponse
from django.test import RequestFactory
from ledger_client import AsyncLedgerClient, LedgerClient, PaymentRequiredError
from ledger_client.asgi import RequireCredits
from ledger_client.django import requires_credits
from ledger_client.errors import decoded, header_of
from ledger_client.till import Till
from server import lose_the_reply

from ledger_project.testing.api import Api
from ledger_project.testing.crowd import together
from ledger_project.testing.ledger import Ledger

PAGE = Path(__file__).resolve().parents[2] / "docs/402.md"
URL = "http://scanner.example/scan?pages=2"


@pytest.fixture
def books(ledger: Ledger) -> Ledger:
    ledger.open("alice", funded=100)
    ledger.open("bob", "scanner")
    return ledger


@pytest.fixture
def cashier(books: Ledger) -> Api:
    return Api(books, "x402.settle", account="scanner")


@pytest.fixture
def agent(books: Ledger) -> Api:
    return Api(books, "x402.pay", account="alice")


def example(name: str) -> dict[str, Any]:
    """The names that an example of the page defines."""
    blocks = re.findall(r"```python\n# (\S+)(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    code = next(text.partition("\n")[2] for title, text in blocks if title.rstrip(";") == name)
    defined: dict[str, Any] = {}
    exec(compile(code, f"docs/402.md:{name}", "exec"), defined)
    return defined


@pytest.fixture
def service(server, cashier: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEDGER_URL", server.url)
    monkeypatch.setenv("LEDGER_API_KEY", cashier.token)


def served(app: Any) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://scanner.example")


def test_the_service_of_the_documentation_is_paid_for_what_it_did(server, service, agent: Api, books: Ledger) -> None:
    async def story() -> tuple[Any, Any]:
        async with served(example("service.py")["app"]) as http, AsyncLedgerClient(server.url, agent.token) as ledger:
            return await example("agent.py")["fetch"](http, ledger, URL)

    body, receipt = asyncio.run(story())

    assert body == {"scanned": 2}
    assert (receipt["success"], receipt["payer"], receipt["amount"]) == (True, "alice", "20")
    assert books.balances() == {
        "alice": {"available": 80},
        "scanner": {"available": 20},
        "bob": {},
        "platform:issuance:CRD": {"available": -100},
    }


def test_the_view_of_the_documentation_is_paid_for_what_it_did(server, service, agent: Api, books: Ledger) -> None:
    view = example("views.py")["scan"]
    asked = view(RequestFactory().get("/scan"))

    with LedgerClient(server.url, agent.token) as ledger:
        payment = ledger.pay(asked["PAYMENT-REQUIRED"])
    paid = view(RequestFactory().get("/scan", headers={"PAYMENT-SIGNATURE": payment}))
    again = view(RequestFactory().get("/scan", headers={"PAYMENT-SIGNATURE": payment}))

    assert (asked.status_code, asked["Content-Type"]) == (402, "application/problem+json")
    assert json.loads(asked.content)["required"] == 50
    assert (paid.status_code, decoded(paid["PAYMENT-RESPONSE"])["amount"]) == (200, "10")
    assert again.status_code == 402
    assert decoded(again["PAYMENT-RESPONSE"])["errorReason"] == "invalid_transaction_state"
    assert books.balance("scanner") == {"available": 10}


def test_of_thirty_requests_with_one_payment_one_is_worked_for(server, service, agent: Api, books: Ledger) -> None:
    """None of them is told to work before the ledger has kept the payment for it alone."""
    worked: list[str] = []

    async def story() -> list[Any]:
        app = example("service.py")

        async def slow(scope: Any, receive: Any, send: Any) -> None:
            worked.append(scope["path"])
            await asyncio.sleep(0.2)
            await app["scan"](scope, receive, send)

        ledger = AsyncLedgerClient()
        guarded = RequireCredits(slow, till=Till(ledger, pay_to="scanner", asset="CRD"), price=app["price"])
        async with served(guarded) as http, ledger, AsyncLedgerClient(server.url, agent.token) as purse:
            payment = await purse.pay((await http.get(URL)).headers["PAYMENT-REQUIRED"])
            return await asyncio.gather(*(http.get(URL, headers={"PAYMENT-SIGNATURE": payment}) for _ in range(30)))

    answers = asyncio.run(story())

    assert worked == ["/scan"]
    assert sorted(answer.status_code for answer in answers) == [200] + [402] * 29
    assert books.balance("scanner") == {"available": 20}


def test_and_of_thirty_threads_that_serve_a_view(server, service, agent: Api, books: Ledger) -> None:
    worked: list[str] = []

    def slow(request: Any) -> JsonResponse:
        worked.append(request.path)
        time.sleep(0.2)
        request.payment.cost = 20
        return JsonResponse({})

    with LedgerClient() as ledger, LedgerClient(server.url, agent.token) as purse:
        guarded = requires_credits(price=50, till=Till(ledger, pay_to="scanner", asset="CRD"))(slow)
        payment = purse.pay(guarded(RequestFactory().get("/scan"))["PAYMENT-REQUIRED"])
        headers = {"PAYMENT-SIGNATURE": payment}
        answers = together([lambda: guarded(RequestFactory().get("/scan", headers=headers)) for _ in range(30)])

    assert worked == ["/scan"]
    assert sorted(answer.status_code for answer in answers) == [200] + [402] * 29
    assert books.balance("scanner") == {"available": 20}


def test_a_claim_whose_reply_is_lost_is_asked_for_again(server, service, agent: Api, books: Ledger) -> None:
    with LedgerClient() as ledger, LedgerClient(server.url, agent.token) as purse:
        till = Till(ledger, pay_to="scanner", asset="CRD")
        with pytest.raises(PaymentRequiredError) as asked:
            till.admit(None, 50, URL)
        payment = purse.pay(asked.value.payment)
        server.faults.append(lose_the_reply)

        admitted = till.admit(payment, 50, URL)
        with pytest.raises(PaymentRequiredError) as second:
            till.admit(payment, 50, URL)

        assert second.value.facts["reason"] == "invalid_transaction_state"
        assert decoded(admitted.settle())["success"] is True

    assert books.balance("scanner") == {"available": 50}


def test_a_402_tells_what_is_known_and_no_more(server, service, books: Ledger) -> None:
    """Who asks without a payment is unknown, and so is what they have; the rest leads somewhere."""
    view = example("views.py")["scan"]

    async def story() -> Any:
        async with served(example("service.py")["app"]) as http:
            return await http.get("/scan?pages=2&name=a%20b")

    asked, answer = view(RequestFactory().get("/scan?pages=2")), asyncio.run(story())

    for body in (json.loads(asked.content), answer.json()):
        assert body == {
            "type": f"{server.url}/errors/payment_required",
            "title": "A payment is required.",
            "status": 402,
            "error": "payment_required",
            "code": "payment_required",
            "required": 50,
            "required_tokens": 50,
        }
    urls = [decoded(headers["PAYMENT-REQUIRED"])["resource"]["url"] for headers in (asked, answer.headers)]
    assert urls == ["http://testserver/scan?pages=2", "http://scanner.example/scan?pages=2&name=a%20b"]
    assert httpx2.get(body["type"]).status_code == 200
    with LedgerClient() as ledger, pytest.raises(ValueError, match="whole URL"):
        Till(ledger, pay_to="scanner", asset="CRD").admit(None, 50, "/scan")


def test_a_settlement_whose_reply_is_lost_is_asked_for_again(server, service, agent: Api, books: Ledger) -> None:
    with LedgerClient() as ledger, LedgerClient(server.url, agent.token) as purse:
        till = Till(ledger, pay_to="scanner", asset="CRD")
        with pytest.raises(PaymentRequiredError) as asked:
            till.admit(None, 50, URL)
        payment = till.admit(purse.pay(asked.value.payment), 50, URL)
        server.faults.append(lose_the_reply)

        assert decoded(payment.settle())["success"] is True

    assert books.balance("scanner") == {"available": 50}


@pytest.mark.parametrize("outcome", ["raises", 500, 404])
def test_work_that_fails_is_not_paid(outcome: Any, server, service, agent: Api, books: Ledger) -> None:
    def view(request: Any) -> JsonResponse:
        if outcome == "raises":
            raise ZeroDivisionError
        return JsonResponse({}, status=outcome)

    with LedgerClient() as ledger, LedgerClient(server.url, agent.token) as purse:
        guarded = requires_credits(price=lambda request: 50, till=lambda: Till(ledger, pay_to="scanner", asset="CRD"))(
            view
        )
        payment = purse.pay(guarded(RequestFactory().get("/scan"))["PAYMENT-REQUIRED"])
        assert books.balances()["alice"] == {"available": 50, "held": 50}
        request = RequestFactory().get("/scan", headers={"PAYMENT-SIGNATURE": payment})
        if outcome == "raises":
            with pytest.raises(ZeroDivisionError):
                guarded(request)
        else:
            assert guarded(request).status_code == outcome

    assert books.balances()["alice"] == {"available": 100}


@pytest.mark.parametrize(
    "signature",
    [
        "not base64 ☂",
        base64.b64encode(b"[]").decode(),
        base64.b64encode(b'{"x402Version": NaN}').decode(),
        base64.b64encode(b"[" * 5000).decode(),
        base64.b64encode(b'{"x": "\\ud800"}').decode(),
        base64.b64encode(b"{}").decode(),
        header_of({"x402Version": 2, "accepted": {}, "payload": {}}),
    ],
)
def test_what_is_no_payment_is_asked_for_one(signature: str, server, service, books: Ledger) -> None:
    with LedgerClient() as ledger:
        till = Till(ledger, pay_to="scanner", asset="CRD")

        with pytest.raises(PaymentRequiredError) as asked:
            till.admit(signature, 50, URL)

    _, status, headers = asked.value.to_response()
    assert status == 402
    assert decoded(headers["PAYMENT-REQUIRED"])["accepts"][0]["amount"] == "50"


def test_a_payment_to_another_or_of_less_is_asked_for_again(server, service, agent: Api, books: Ledger) -> None:
    with LedgerClient() as ledger, LedgerClient(server.url, agent.token) as purse:
        till = Till(ledger, pay_to="scanner", asset="CRD")

        def reason(**other: str) -> str:
            with pytest.raises(PaymentRequiredError) as asked:
                till.admit(None, 50, URL)
            demand = asked.value.payment
            demand["accepts"][0] |= other
            with pytest.raises(PaymentRequiredError) as refused:
                till.admit(purse.pay(demand), 50, URL)
            return refused.value.facts["reason"]

        assert reason(payTo="bob") == "invalid_payload"
        assert reason(amount="49") == "invalid_upto_ledger_payload_authorization_value"

    assert books.balance("scanner") == {}
