"""Services that are guarded by the official `x402` package, with this ledger as their facilitator."""

import asyncio
import json
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI, Request
from ledger_client import AsyncLedgerClient
from ledger_client.errors import decoded
from x402 import x402ResourceServer
from x402.http import FacilitatorConfig, HTTPFacilitatorClient
from x402.http.facilitator_client_base import CreateHeadersAuthProvider
from x402.http.middleware.fastapi import payment_middleware
from x402.http.types import PaymentOption, RouteConfig
from x402.schemas.base import AssetAmount

from ledger_project.testing.api import Api
from ledger_project.testing.ledger import Ledger

URL = "http://scanner.example/scan"


class OfTheLedger:
    """What the package wants to know of a scheme: prices are in minor units, and there is nothing to add."""

    default_asset_transfer_method = "default"

    def __init__(self, scheme: str, flow: str) -> None:
        self.scheme = scheme
        self.payment_flows = {"default": {"supported": (flow,), "default": flow}}

    def parse_price(self, price: AssetAmount, network: str) -> AssetAmount:
        return price

    def enhance_payment_requirements(self, requirements: Any, kind: Any, extensions: list[str]) -> Any:
        return requirements


@pytest.fixture
def books(ledger: Ledger) -> Ledger:
    ledger.open("alice", funded=100)
    ledger.open("scanner")
    return ledger


class Service:
    """A paid FastAPI application; `worked` counts what it did."""

    def __init__(self, url: str, cashier: Api, scheme: str, flow: str) -> None:
        self.worked = 0
        (kind,) = [k for k in cashier.get("/x402/supported").json()["kinds"] if k["scheme"] == scheme]
        headers = {"Authorization": f"Bearer {cashier.token}"}
        known = CreateHeadersAuthProvider(lambda: dict.fromkeys(("verify", "settle", "supported"), headers))
        facilitator = HTTPFacilitatorClient(FacilitatorConfig(url=f"{url}/x402", auth_provider=known))
        server = x402ResourceServer(facilitator).register(kind["network"], OfTheLedger(scheme, flow))
        price = AssetAmount(amount="20", asset="CRD")
        asked = PaymentOption(
            scheme=scheme, pay_to="scanner", price=price, network=kind["network"], max_timeout_seconds=60
        )
        guard = payment_middleware({"GET /scan": RouteConfig(accepts=asked)}, server)
        self.app = FastAPI()

        @self.app.middleware("http")
        async def paid(request: Request, call_next: Any) -> Any:
            return await guard(request, call_next)

        @self.app.get("/scan")
        async def scan() -> dict[str, bool]:
            self.worked += 1
            return {"scanned": True}

    async def asked(self, ledger: AsyncLedgerClient, times: int) -> list[Any]:
        """The answers to many requests at once with one payment."""
        transport = httpx2.ASGITransport(app=self.app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://scanner.example") as http, ledger:
            first = await http.get(URL, headers={"Accept": "application/json"})
            assert first.status_code == 402
            payment = await ledger.pay(first.headers["PAYMENT-REQUIRED"])
            headers = {"PAYMENT-SIGNATURE": payment}
            return await asyncio.gather(*(http.get(URL, headers=headers) for _ in range(times)))


@pytest.mark.parametrize(
    ("scheme", "flow"), [("upto", "authorization"), ("exact", "authorization"), ("exact", "upfront")]
)
def test_one_payment_of_twenty_requests_is_answered_once(scheme: str, flow: str, server, books: Ledger) -> None:
    service = Service(server.url, Api(books, "x402.settle", account="scanner"), scheme, flow)
    agent = Api(books, "x402.pay", account="alice")

    answers = asyncio.run(service.asked(AsyncLedgerClient(server.url, agent.token), 20))

    assert sorted(answer.status_code for answer in answers) == [200] + [402] * 19
    told = [decoded(a.headers["PAYMENT-RESPONSE"]) for a in answers if "PAYMENT-RESPONSE" in a.headers]
    paid = [each for each in told if each["success"]]
    assert [(each["payer"], each["amount"]) for each in paid] == [("alice", "20")]
    assert {each["errorReason"] for each in told if not each["success"]} <= {"invalid_transaction_state"}
    assert [json.loads(a.content) for a in answers if a.status_code == 200] == [{"scanned": True}]
    assert books.balance("scanner") == {"available": 20}
    if flow == "upfront":
        assert service.worked == 1, "who settles first works only for who has paid"
