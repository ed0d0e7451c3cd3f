"""Withdrawal executors: who pays, outside, what the ledger has set aside.

An executor is a class with `automatic` and `pay`. The worker calls `pay` for each withdrawal under way and does as it
answers: `Paid` confirms the withdrawal, `NotPaid` fails it and gives the money back, `Unknown` changes nothing and asks
again later. What an executor must promise:

- **The withdrawal's id is the payment's identity.** A worker can be killed after the payment and before its answer was
  stored, so `pay` is called again with the same id, and must then answer for the first payment, not make a second one.
- **`NotPaid` is for good.** The money is spendable again at once. Whoever cannot exclude that it was or will be paid
  answers `Unknown`: a time-out, an error of the network, an answer that is not understood.
- **It answers in less than a minute** (`LEASE` in `holds/payouts.py` is two); otherwise another worker may ask too.

`settings.WITHDRAWAL_EXECUTOR` names the class by its dotted path.
"""

import json
import time
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import httpx2
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

ANSWER_LIMIT = 64 * 1024  # bytes
DEADLINE = 30.0  # seconds for the whole answer
TIMEOUT = httpx2.Timeout(10.0, connect=5.0)


@dataclass(frozen=True)
class Payment:
    """What is to be paid, the same at every call: minor units, to a destination, on behalf of an account."""

    withdrawal: str
    account: str
    amount: str
    currency: str
    scale: int
    destination: str
    references: dict[str, str]


@dataclass(frozen=True)
class Paid:
    """It was paid, under this reference (a transaction hash)."""

    external_ref: str


@dataclass(frozen=True)
class NotPaid:
    """It was not paid and never will be."""

    reason: str


@dataclass(frozen=True)
class Unknown:
    """It may have been paid or not, or is on its way: ask again."""

    reason: str


Answer = Paid | NotPaid | Unknown


class WithdrawalExecutor(Protocol):
    automatic: ClassVar[bool]

    def pay(self, payment: Payment) -> Answer:
        """Pay it, or say what became of it; see the promises above."""


class ManualExecutor:
    """Nobody pays by machine: finance pays, and confirms or fails each withdrawal."""

    automatic = False

    def pay(self, payment: Payment) -> Answer:
        return Unknown("waits for finance")


class HttpExecutor:
    """Posts each withdrawal to `WITHDRAWAL_EXECUTOR_URL`, with its id as `Idempotency-Key`.

    The receiver answers 2xx and a JSON object: `{"status": "paid", "external_ref": "0x…"}`,
    `{"status": "failed", "reason": "…"}`, or `{"status": "pending"}`. It keeps the key: a repeated request gets the
    answer to the first. Anything else, a 4xx or 5xx included, leaves the outcome unknown.
    """

    automatic = True

    def __init__(self, url: str | None = None, token: str | None = None) -> None:
        self.url = settings.WITHDRAWAL_EXECUTOR_URL if url is None else url
        self.token = settings.WITHDRAWAL_EXECUTOR_TOKEN if token is None else token
        if not self.url:
            raise ImproperlyConfigured("HttpExecutor needs WITHDRAWAL_EXECUTOR_URL")

    def pay(self, payment: Payment) -> Answer:
        headers = {"Idempotency-Key": payment.withdrawal}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        try:
            # A redirect is not followed: it would carry the token and the order to pay somewhere else.
            with (
                httpx2.Client(timeout=TIMEOUT, follow_redirects=False, trust_env=False) as client,
                client.stream("POST", self.url, json=vars(payment), headers=headers) as response,
            ):
                body = _read(response)
        except httpx2.HTTPError as error:
            return Unknown(f"{type(error).__name__}: {error}")
        if not response.is_success:
            return Unknown(f"HTTP {response.status_code}")
        return _understand(body)


def _read(response: httpx2.Response) -> bytes:
    """The answer's body; one that is too long or too slow is cut off, which no JSON survives."""
    started, body = time.monotonic(), b""
    for chunk in response.iter_bytes():
        body += chunk
        if len(body) > ANSWER_LIMIT or time.monotonic() - started > DEADLINE:
            return b""
    return body


def _understand(body: bytes) -> Answer:
    try:
        answer: Any = json.loads(body)
    except ValueError:
        return Unknown("the answer is not JSON")
    said = answer if isinstance(answer, dict) else {}
    external_ref, reason = said.get("external_ref"), said.get("reason")
    if said.get("status") == "paid" and isinstance(external_ref, str) and external_ref:
        return Paid(external_ref)
    if said.get("status") == "failed":
        return NotPaid(reason if isinstance(reason, str) and reason else "no reason given")
    return Unknown("pending" if said.get("status") == "pending" else "the answer was not understood")


def configured() -> WithdrawalExecutor:
    """The executor that the settings name."""
    executor: WithdrawalExecutor = import_string(settings.WITHDRAWAL_EXECUTOR)()
    return executor
