"""Being paid for a request by x402: ask, claim the payment, do the work, take what it cost.

    till = Till(ledger, pay_to="scanner", asset="CRD")
    signature = request.headers.get("PAYMENT-SIGNATURE")
    payment = till.admit(signature, price=50, url="https://scanner.example/scan")  # or PaymentRequiredError
    payment.cost = scan()
    header = payment.settle()                                                      # or PaymentRequiredError

`ledger_client.django` and `ledger_client.asgi` do this around a view and around an application. The ledger's key is one
of the account that is paid, with the scope `x402.settle`. With an `AsyncLedgerClient`, `admit`, `settle` and `decline`
are awaited.
"""

import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import urljoin

from ledger_client.errors import LedgerError, PaymentRequiredError, decoded, header_of
from ledger_client.plans import Plan, Request, operation

SIGNATURE, RESPONSE = "PAYMENT-SIGNATURE", "PAYMENT-RESPONSE"
# What the ledger says to a payment that is not of its form, not for this account, or not what its name says.
NOT_A_PAYMENT = frozenset({400, 403, 404, 409, 413, 422})


class Till:
    """Where one account of a service is paid; safe to share between threads."""

    def __init__(self, client: Any, *, pay_to: str, asset: str, seconds: int = 60) -> None:
        """`seconds` is how long a caller's money may be held: the longest that the work may take."""
        self.client, self.pay_to, self.asset, self.seconds = client, pay_to, asset, seconds
        self._network: str | None = None

    def run(self, plan: Plan[Any]) -> Any:
        return self.client.run(plan)

    @operation
    def admit(self, signature: str | None, price: int, url: str) -> Plan["Payment"]:
        """The payment that a request brought, good for `price`: the money is there, kept for it, and for it alone.

        Of any number of requests with one payment one is let in. `url` is absolute: what is paid for. Refused:
        PaymentRequiredError, which says what is asked for.
        """
        if "://" not in url:
            raise ValueError(f"what is paid for is named by a whole URL, and {url!r} is none")
        requirements = yield from self._requirements(price)
        if not signature:
            raise self.demand(requirements, url, "A payment is required.")
        try:
            brought = decoded(signature)
        except ValueError:
            raise self.demand(requirements, url, "PAYMENT-SIGNATURE is not base64 of a JSON object.") from None
        payment = Payment(self, brought, requirements, url, price)
        verdict = yield from payment.ask("claim", payment.named(price))
        if not verdict["isValid"]:
            raise payment.refused(verdict["invalidReason"], verdict.get("invalidMessage", ""))
        return payment

    def demand(self, requirements: Mapping[str, Any], url: str, error: str, **more: Any) -> PaymentRequiredError:
        """The 402 that asks for these requirements."""
        asked = {"x402Version": 2, "error": error, "resource": {"url": url}, "accepts": [dict(requirements)]}
        told = {"code": "payment_required", "title": error, "payment": asked, **more}
        where = urljoin(self.client.url, "/errors/payment_required")
        return PaymentRequiredError(int(requirements["amount"]), type=where, **told)

    def _requirements(self, price: int) -> Plan[dict[str, Any]]:
        if self._network is None:
            supported = yield from self.client.ask(Request("GET", "/x402/supported"))
            self._network = next(kind["network"] for kind in supported["kinds"] if kind["scheme"] == "upto")
        terms = {"scheme": "upto", "network": self._network, "amount": str(price), "asset": self.asset}
        return {**terms, "payTo": self.pay_to, "maxTimeoutSeconds": self.seconds}


class Payment:
    """A payment at work: `cost` is what will be taken, all of the price unless the work says less."""

    def __init__(
        self, till: Till, brought: Mapping[str, Any], requirements: Mapping[str, Any], url: str, price: int
    ) -> None:
        self.till, self.brought, self.requirements, self.url = till, brought, requirements, url
        self.cost = price
        # The ledger lets one name work for a payment, and settles under that: of two requests with it one is let in.
        self.name = f"settle_{uuid.uuid4().hex}"

    def run(self, plan: Plan[Any]) -> Any:
        return self.till.run(plan)

    @operation
    def settle(self) -> Plan[str]:
        """Take the cost, and give back the rest: the header PAYMENT-RESPONSE. Refused: PaymentRequiredError."""
        return (yield from self._settle(self.cost))

    @operation
    def decline(self) -> Plan[str]:
        """Take nothing: the work was not done."""
        return (yield from self._settle(0))

    def _settle(self, cost: int) -> Plan[str]:
        settlement = yield from self.ask("settle", self.named(cost))
        if not settlement["success"]:
            raise self.refused(settlement["errorReason"], settlement.get("errorMessage", ""), settlement)
        return header_of(settlement)

    def named(self, amount: int) -> dict[str, Any]:
        """What is asked of the ledger in this payment's name."""
        return {**self.requirements, "amount": str(amount), "extra": {"settlement": self.name}}

    def ask(self, verb: str, requirements: Mapping[str, Any]) -> Plan[Any]:
        body = {"x402Version": 2, "paymentPayload": self.brought, "paymentRequirements": requirements}
        try:
            return (yield from self.till.client.ask(Request("POST", f"/x402/{verb}", {}, body)))
        except LedgerError as error:
            if error.status not in NOT_A_PAYMENT or "scope" in error.facts:
                raise
            raise self.refused("invalid_payload", str(error.facts.get("reason") or error.title)) from error

    def refused(self, reason: str, message: str, settlement: Mapping[str, Any] | None = None) -> PaymentRequiredError:
        told = settlement or {"success": False, "errorReason": reason, "transaction": "", **self._network}
        facts = {"reason": reason}
        return self.till.demand(self.requirements, self.url, message or reason, settlement=told, facts=facts)

    @property
    def _network(self) -> dict[str, str]:
        return {"network": str(self.requirements["network"])}
