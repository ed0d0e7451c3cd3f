"""Two tenants and every operation of the API: what is one's does not exist for the other, whatever their key may do.

Alice's tenant has one of everything. Mallory's key may do anything in a tenant of its own, and knows all of Alice's
ids. The operations are taken from the API's own document, so a new one is tried as soon as it is there.
"""

import io
import json
import uuid
import zipfile
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import pytest
from django.test import Client

from holds.topups import asking
from ledger_project.kernel import clock
from ledger_project.log import sealing
from ledger_project.log.models import Event
from ledger_project.testing.api import Api, refused
from ledger_project.testing.ledger import Ledger

MARK = "zebra"  # stands in every name and text of Alice's, and in no request of Mallory's
# Bodies that name nothing of anybody's make a thing in the caller's own tenant, which other tests look at.
FRESH = {
    ("POST", "/v1/accounts"),
    ("POST", "/v1/api-keys"),
    ("POST", "/v1/attestations"),
    ("POST", "/v1/budgets"),
    ("POST", "/v1/clearing-accounts"),
    ("POST", "/v1/currencies"),
    ("POST", "/v1/disputes"),
    ("POST", "/v1/payment-refunds"),
    ("POST", "/v1/payments"),
    ("POST", "/v1/payouts"),
    ("POST", "/v1/price-books"),
    ("POST", "/v1/reconciliations"),
    ("POST", "/v1/reserves/assets"),
    ("POST", "/v1/settlements"),
    ("POST", "/v1/webhooks"),
    ("PUT", "/v1/agent-currency"),
}
BY_BODY = {"/v1/accounts/{account}/ensure": b"the form of an id", "/v1/bulk": b"account_not_found"}
APART = {
    ("POST", "/v1/usage/batch"): "usage/tests/test_usage_batch.py",
    ("GET", "/v1/events/stream"): "webhooks/tests/test_event_stream.py",
    ("POST", "/x402/authorizations/{nonce}/cancel"): "test_a_payment_is_its_own_tenants",
    ("POST", "/x402/authorize"): "test_a_payment_is_its_own_tenants",
    ("POST", "/x402/claim"): "test_a_payment_is_its_own_tenants",
    ("POST", "/x402/settle"): "test_a_payment_is_its_own_tenants",
    ("POST", "/x402/verify"): "test_a_payment_is_its_own_tenants",
}


def operations() -> list[tuple[str, str]]:
    return [(method.upper(), path) for path, methods in _document()["paths"].items() for method in methods]


@lru_cache(maxsize=1)
def _document() -> Any:
    return Client(SERVER_NAME="localhost").get("/openapi.json").json()


def operation(method: str, path: str) -> Any:
    return _document()["paths"][path][method.lower()]


class World:
    """Alice's tenant and what there is, by the names that parameters and fields have for it."""

    def __init__(self) -> None:
        self.alice, self.mallory = Api(Ledger()), Api(Ledger())
        self.mallory.ledger.open("own", "shop", funded=1000)
        self.ids = self._everything()
        sealing.seal()
        made = self.alice.post("/v1/attestations").json()["attestation"]
        self.ids |= {"attestation": made["id"], "sequence": made["sequence"]}

    def _made(self, path: str, body: dict[str, Any], name: str) -> str:
        response = self.alice.post(f"/v1/{path}", body)
        assert response.status_code == 201, response.content
        return str(response.json()[name]["id"])

    def _everything(self) -> dict[str, Any]:
        alice, shop = (
            self._made("accounts", {"name": f"{MARK}:{who}", "metadata": {"note": MARK}}, "account")
            for who in ("alice", "shop")
        )
        self._made("mints", {"account": alice, "amount": 10_000, "reference": MARK}, "entry")
        pay = {"account": alice, "amount": 10}
        entry = self._made("spends", {**pay, "to_account": shop, "reference": MARK}, "entry")
        taken = clock.stamp(clock.now())
        asset = {"name": MARK, "asset_type": "fiat", "provider": MARK, "unit": "CRD", "max_age_seconds": 3600}
        asset_id = self._made("reserves/assets", asset, "reserve_asset")
        snapshot = {"asset": MARK, "amount": 9, "taken_at": taken, "provenance": MARK}
        self._made("reserves/snapshots", snapshot, "reserve_snapshot")
        self.alice.post("/v1/clearing-accounts", {"domain": MARK})
        self.alice.post("/v1/transfers", {"from_account": alice, "to_account": f"clearing:{MARK}", "amount": 3})
        trade = {"buyer": alice, "seller": shop, "amount": 10, "reference": MARK}
        rates = [{"model": MARK, "metric": "requests", "price": "1"}]
        self._made("price-books", {"book": MARK, "rates": rates}, "price_version")
        used = {"account": alice, "book": MARK, "model": MARK, "metrics": {"requests": 1}, "request_id": MARK}
        ids = {
            "account": alice,
            "book": MARK,
            "usage": self._made("usage", used, "usage"),
            "address": alice,
            "to_account": shop,
            "entry": entry,
            "event": entry.replace("ent_", "evt_"),
            "hold": self._made("holds", {**pay, "to_account": shop, "reason": MARK}, "hold"),
            "escrow": self._made("escrows", trade, "escrow"),
            "stake": self._made("stakes", {**pay, "trial": MARK}, "stake"),
            "withdrawal": self._made("withdrawals", {**pay, "destination": MARK}, "withdrawal"),
            "deposit": self._made(
                "deposits", {**pay, "source": MARK, "external_ref": MARK, "confirmed": False}, "deposit"
            ),
            "grant": self._made("promo-mints", pay, "promo_grant"),
            "session_key": self._made("session-keys", {"account": alice, "max_total": 5}, "session_key"),
            "budget": self._made("budgets", {"name": MARK, "account": alice, "window": "day", "limit": 500}, "budget"),
            "topup": self._asked(alice),
            "monitor": self._made("monitors", {"account": alice, "operator": "lt", "value": 5}, "monitor"),
            "settlement": self._made("settlements", {"netting_batch_id": MARK}, "settlement"),
            "webhook": self._made(
                "webhooks", {"url": f"https://{MARK}.example/", "types": ["*"], "description": MARK}, "webhook"
            ),
            "api_key": self._made("api-keys", {"name": MARK, "scopes": ["read"]}, "api_key"),
            "reconciliation": self._made("reconciliations", {"reason": MARK}, "reconciliation"),
            "asset": asset_id,
            "nonce": self._authorised(),
        }
        ids |= self._said_by_a_bank(alice)
        aliases = {"account": ["from_account", "buyer", "agentAddress", "fee_account"], "to_account": ["seller"]}
        aliases["account"].append("counter_account")
        aliases["budget"] = ["parent"]
        return ids | {other: ids[name] for name, others in aliases.items() for other in others}

    def _asked(self, account: str) -> str:
        """A request of Alice's for money."""
        rule = {"below": 10**6, "amount": 5, "url": f"https://{MARK}.example/"}
        assert self.alice.post(f"/v1/accounts/{account}/topup", rule, method="PUT").status_code == 201
        asking.ask_due()
        return str(self.alice.get("/v1/topup-requests").json()["results"][0]["id"])

    def _authorised(self) -> str:
        """A payment of Alice's, by its nonce, which is no id."""
        payer = Api(self.alice.ledger, "x402.pay", account=f"{MARK}:alice")
        kinds = payer.get("/x402/supported").json()["kinds"]
        asked = {**kinds[0], "amount": "1", "asset": "CRD", "payTo": f"{MARK}:shop", "maxTimeoutSeconds": 3600}
        del asked["x402Version"]
        body = {"paymentRequirements": asked, "paymentIdentifier": f"{MARK}_0123456789abcdef"}
        return str(payer.post("/x402/authorize", body, key=None).json()["payload"]["authorization"]["nonce"])

    def _said_by_a_bank(self, account: str) -> dict[str, Any]:
        said = f"date,amount,reference\n2026-10-01,1,{MARK}\n2026-10-01,2,{MARK}\n"
        file = {"account": account, "name": MARK, "format": "csv", "content": said}
        statement = self._made("external-statements", file, "external_statement")
        explained = {"lines": [1], "reason": MARK}
        counter = self._made("accounts", {"name": f"{MARK}:counter"}, "account")
        proposed = {"counter_account": counter, "line": 2, "reason": MARK}
        return {
            "external_statement": statement,
            "external_match": self._made(f"external-statements/{statement}/resolutions", explained, "external_match"),
            "adjustment": self._made(f"external-statements/{statement}/adjustments", proposed, "adjustment"),
        }

    def address(self, method: str, path: str) -> str:
        """With all that the path and the query can name of Alice's."""
        query = []
        for parameter in operation(method, path).get("parameters", []):
            name, schema = parameter["name"], parameter["schema"]
            if parameter["in"] == "path":
                value = self.ids.get(name) or schema.get("enum", [f"dlv_{uuid.uuid4().hex}"])[0]
                path = path.replace(f"{{{name}}}", value)
            elif parameter["in"] == "query" and parameter.get("required"):
                query.append(f"{name}={ {'from': 0, 'to': 1, 'period': 2026}[name] }".replace(" ", ""))
            elif parameter["in"] == "query" and method == "GET" and name in self.ids:
                query.append(f"{name}={self.ids[name]}")
        return path + ("?" + "&".join(query) if query else "")

    def body(self, method: str, path: str) -> dict[str, Any] | None:
        """What the operation requires, of Alice's where it names something."""
        if method == "GET" or method == "DELETE":
            return None
        content = operation(method, path).get("requestBody", {}).get("content", {})
        schema = content.get("application/json", {}).get("schema", {})
        named = schema.get("$ref", "").rpartition("/")[2]
        schema = _document()["components"]["schemas"][named] if named else schema
        return {name: self.value(name) for name in schema.get("required", [])}

    def value(self, name: str) -> Any:
        others = {
            "commands": [{"command": "transfer", "args": self._transfer(), "idempotency_key": uuid.uuid4().hex}],
            "postings": [
                {"account": self.ids["account"], "amount": -1},
                {"account": self.ids["to_account"], "amount": 1},
            ],
            "operator": "lt",
            "metrics": {"requests": 1},
            "format": "csv",
            "content": "date,amount\n2026-10-01,1\n",
            "taken_at": clock.stamp(clock.now()),
            **dict.fromkeys(("amount", "below", "credit_limit", "value", "to_seller", "to_buyer"), "5"),
            "expires_in": 5,
            "from_log_index": 0,
            "txHash": "0x" + "ab" * 32,
        }
        return self.ids.get(name) or others.get(name, "words")

    def _transfer(self) -> dict[str, Any]:
        return {"from_account": self.ids["account"], "to_account": self.ids["to_account"], "amount": 5}


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any) -> Iterator[World]:
    with django_db_blocker.unblock():
        yield World()


def names_something(world: World, address: str, body: Any) -> bool:
    sent = address + json.dumps(body)
    return any(str(value) in sent for name, value in world.ids.items() if name != "sequence")


def content_of(response: Any) -> bytes:
    """What the answer holds; of an archive, what its files hold."""
    content = b"".join(response) if response.streaming else response.content
    if response.headers["Content-Type"] != "application/zip":
        return bytes(content)
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        return b"".join(map(packed.read, packed.namelist()))


TRIED = [each for each in operations() if each not in FRESH and each not in APART]


@pytest.mark.parametrize(("method", "path"), TRIED, ids=[f"{method} {path}" for method, path in TRIED])
def test_what_is_anothers_is_not_there(world: World, method: str, path: str) -> None:
    before = Event.objects.filter(tenant=world.alice.ledger.tenant).count()
    address, body = world.address(method, path), world.body(method, path)

    response = world.mallory.post(address, body, method=method) if method != "GET" else world.mallory.get(address)
    content = content_of(response)

    assert MARK.encode() not in content
    assert Event.objects.filter(tenant=world.alice.ledger.tenant).count() == before
    if ("{" in path and "{export}" not in path) or method != "GET":
        assert names_something(world, address, body), "this asks for nothing of Alice's"
        # An id is no name for a new account, and a batch of one command is refused with what it was refused for.
        assert response.status_code == 404 or (path in BY_BODY and BY_BODY[path] in content), content
    else:
        assert response.status_code in {200, 404}, content


READ = [(method, path) for method, path in TRIED if method == "GET" and "{delivery}" not in path]


@pytest.mark.parametrize(("method", "path"), READ, ids=[path for _, path in READ])
def test_and_for_alice_it_is(world: World, method: str, path: str) -> None:
    """The other test asks for things that exist, by names that find them."""
    response = world.alice.get(world.address(method, path))
    content = content_of(response)

    assert response.status_code == 200, content


def test_nothing_is_left_out() -> None:
    assert FRESH | set(APART) <= set(operations())


def test_a_payment_is_its_own_tenants(world: World) -> None:
    kinds = {name: api.get("/x402/supported").json()["kinds"] for name, api in vars(world).items() if name != "ids"}
    assert {kind["network"] for kind in kinds["alice"]}.isdisjoint(kind["network"] for kind in kinds["mallory"])
    asked = {
        "scheme": "exact",
        "network": kinds["alice"][0]["network"],
        "amount": "5",
        "asset": "CRD",
        "payTo": world.ids["to_account"],
        "maxTimeoutSeconds": 60,
    }
    payer = Api(world.alice.ledger, "x402.pay", account=f"{MARK}:alice")
    payment = payer.post("/x402/authorize", {"paymentRequirements": asked}, key=None).json()
    shop = Api(world.mallory.ledger, "x402.settle", account="shop")
    thief = Api(world.mallory.ledger, "x402.settle")
    before = world.alice.ledger.balances(), world.mallory.ledger.balances()

    for network in (kinds["alice"][0]["network"], kinds["mallory"][0]["network"]):
        wanted = {**asked, "network": network, "payTo": "shop"}
        for changed in (payment, {**payment, "accepted": {**payment["accepted"], "network": network, "payTo": "shop"}}):
            body = {"x402Version": 2, "paymentPayload": changed, "paymentRequirements": wanted}
            verified, settled = (thief.post(f"/x402/{verb}", body, key=None).json() for verb in ("verify", "settle"))
            named = {**body, "paymentRequirements": {**wanted, "extra": {"settlement": "one"}}}
            claimed = thief.post("/x402/claim", named, key=None).json()
            assert (verified["isValid"], claimed["isValid"], settled["success"]) == (False, False, False)
            refused(shop.post("/x402/settle", body, key=None), 403, "forbidden")
    own = Api(world.mallory.ledger, "x402.pay", account="own")
    refused(own.post(f"/x402/authorizations/{world.ids['nonce']}/cancel", key=None), 404, "authorization_not_found")
    refused(
        own.post(
            "/x402/authorize", {"paymentRequirements": {**asked, "network": kinds["mallory"][0]["network"]}}, key=None
        ),
        404,
        "account_not_found",
    )
    assert (world.alice.ledger.balances(), world.mallory.ledger.balances()) == before
