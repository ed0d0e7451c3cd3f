"""Short words for payments of x402."""

import base64
import json
from typing import Any

from ledger_project.testing.api import Api

ID = "pay_0123456789abcdef"
TAKEN = "invalid_transaction_state"


def wanted(api: Api, amount: int = 60, scheme: str = "upto", **other: Any) -> dict[str, Any]:
    """What the shop's 402 asks for."""
    kinds = api.get("/x402/supported").json()["kinds"]
    network = next(kind["network"] for kind in kinds if kind["scheme"] == scheme)
    asked = {"scheme": scheme, "network": network, "amount": str(amount), "asset": "CRD", "payTo": "shop"}
    return {**asked, "maxTimeoutSeconds": 60, **other}


def authorised(agent: Api, requirements: dict[str, Any], **more: Any) -> dict[str, Any]:
    response = agent.post("/x402/authorize", {"paymentRequirements": requirements, **more}, key=None)
    assert response.status_code == 200, response.content
    assert json.loads(base64.b64decode(response["PAYMENT-SIGNATURE"])) == response.json()
    return response.json()


def judged(api: Api, verb: str, payment: dict[str, Any], requirements: dict[str, Any]) -> dict[str, Any]:
    body = {"x402Version": 2, "paymentPayload": payment, "paymentRequirements": requirements}
    response = api.post(f"/x402/{verb}", body, key=None)
    assert response.status_code == 200, response.content
    return response.json()


def named(requirements: dict[str, Any], name: str) -> dict[str, Any]:
    """With a server's own name of the settlement."""
    return {**requirements, "extra": {"settlement": name}}


def signed(payment: dict[str, Any]) -> dict[str, str]:
    return payment["payload"]["authorization"]


def cancelled(agent: Api, payment: dict[str, Any]) -> Any:
    return agent.post(f"/x402/authorizations/{signed(payment)['nonce']}/cancel", key=None)
