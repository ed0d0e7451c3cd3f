"""What the ledger refuses, as exceptions: a stable `code`, the HTTP `status`, and the facts as the ledger gave them.

LedgerError
  ├─ InsufficientBalanceError ── PaymentRequiredError     every 402
  ├─ AccountNotFoundError                                 account_not_found
  └─ LedgerUnreachable                                    no answer after all tries
"""

import base64
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urljoin

PAYMENT_REQUIRED = 402
NOT_FACTS = frozenset({"type", "title", "status", "code", "detail", "request_id"})


class LedgerError(Exception):
    """The ledger refused: `code` says what, `facts` with which figures, `request_id` which call it was."""

    def __init__(
        self,
        code: str,
        status: int,
        facts: Mapping[str, Any] | None = None,
        *,
        title: str = "",
        type: str | None = None,
        request_id: str | None = None,
    ) -> None:
        """`type` is where the ledger tells what `code` means."""
        self.code, self.status, self.facts, self.type = code, status, dict(facts or {}), type
        self.title, self.request_id = title, request_id
        super().__init__(": ".join(part for part in (code, title) if part) + _spoken(self.facts))


class InsufficientBalanceError(LedgerError):
    """The account has less than the call needs."""


class PaymentRequiredError(InsufficientBalanceError):
    """The payer cannot pay. A service raises it itself, or lets it through, and answers `to_json()` with status 402.

    `required` and `balance` are whole minor units; `balance` is what the account has available. Where it is not known
    who pays, or what they have, `account_id` and `balance` are None, and the body does not speak of them.
    """

    def __init__(
        self,
        required: int,
        balance: int | None = None,
        account_id: str | None = None,
        *,
        code: str = "insufficient_funds",
        facts: Mapping[str, Any] | None = None,
        title: str = "",
        type: str | None = None,
        request_id: str | None = None,
        payment: Mapping[str, Any] | None = None,
        settlement: Mapping[str, Any] | None = None,
    ) -> None:
        """`payment` is what x402 calls PaymentRequired, `settlement` a SettlementResponse that tells of a failure."""
        self.required, self.balance, self.account_id = required, balance, account_id
        self.payment, self.settlement = payment, settlement
        self.shortfall = None if balance is None else max(0, required - balance)
        figures = _known(required=required, available=balance, shortfall=self.shortfall, account=account_id)
        told = {**(facts or {}), **figures}
        super().__init__(code, PAYMENT_REQUIRED, told, title=title, type=type, request_id=request_id)

    def to_json(self) -> dict[str, Any]:
        """The body of a 402: a problem (RFC 9457), with the figures under the ledger's names and the mesh's."""
        return {
            **_known(type=self.type),
            "title": self.title or "Payment is required.",
            "status": PAYMENT_REQUIRED,
            "error": "payment_required",
            "code": self.code,
            **_known(account_id=self.account_id),
            "required": self.required,
            **_known(balance=self.balance, available=self.balance, shortfall=self.shortfall),
            "required_tokens": self.required,
            **_known(current_balance=self.balance),
        }

    def to_response(self) -> tuple[dict[str, Any], int, dict[str, str]]:
        """`(body, status, headers)`, which Flask takes as it is and every other framework in parts."""
        headers = {"Content-Type": "application/problem+json", "Cache-Control": "no-store"}
        if self.payment is not None:
            headers["PAYMENT-REQUIRED"] = header_of(self.payment)
        if self.settlement is not None:
            headers["PAYMENT-RESPONSE"] = header_of(self.settlement)
        return self.to_json(), PAYMENT_REQUIRED, headers


class AccountNotFoundError(LedgerError):
    """There is no such account."""


class LedgerUnreachable(LedgerError):
    """No answer came. What was sent may have been done: send it again with `idempotency_key`, which is in the facts."""

    def __init__(self, reason: str, idempotency_key: str | None) -> None:
        facts = {"reason": reason, **({"idempotency_key": idempotency_key} if idempotency_key else {})}
        super().__init__("unreachable", 0, facts, title="The ledger does not answer.")


def error_of(problem: Mapping[str, Any], ledger: str = "") -> LedgerError:
    """The exception that a problem (RFC 9457, as the ledger at this URL writes it) stands for."""
    code, status = str(problem.get("code") or "unknown"), int(problem.get("status") or 0)
    if code == "batch_refused" and isinstance(problem.get("problem"), Mapping):
        inner = error_of(problem["problem"], ledger)
        inner.facts["index"] = problem.get("index")
        return inner
    facts = {name: fact for name, fact in problem.items() if name not in NOT_FACTS}
    said: dict[str, Any] = {"title": str(problem.get("title") or ""), "request_id": problem.get("request_id")}
    if problem.get("type"):
        said["type"] = urljoin(ledger, str(problem["type"]))
    if status == PAYMENT_REQUIRED:
        figures = {name: int(facts[name]) for name in ("required", "available") if facts.get(name) is not None}
        account = str(facts["account"]) if facts.get("account") else None
        required = figures.get("required", 0)
        return PaymentRequiredError(required, figures.get("available"), account, code=code, facts=facts, **said)
    kind = AccountNotFoundError if code == "account_not_found" else LedgerError
    return kind(code, status, facts, **said)


def _known(**facts: Any) -> dict[str, Any]:
    return {name: fact for name, fact in facts.items() if fact is not None}


def header_of(document: Mapping[str, Any]) -> str:
    """A document of x402 as it stands in a header."""
    return base64.b64encode(json.dumps(document, separators=(",", ":")).encode()).decode()


def decoded(header: str) -> dict[str, Any]:
    """The document that stands in a header of x402. Raises ValueError where none does that could be sent on."""
    try:
        document = json.loads(base64.b64decode(header, validate=True))
        json.dumps(document, ensure_ascii=False, allow_nan=False).encode()
    except RecursionError:
        raise ValueError("nested too deep") from None
    if not isinstance(document, dict):
        raise ValueError("not an object")
    return document


def _spoken(facts: Mapping[str, Any]) -> str:
    return f" ({', '.join(f'{name}={fact}' for name, fact in facts.items())})" if facts else ""
