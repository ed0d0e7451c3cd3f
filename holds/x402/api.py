"""x402 version 2: a facilitator whose network is this ledger. docs/402.md tells the flow."""

import base64
import json
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.errors import AccountNotFound
from accounts.queries import facts as facts_of
from accounts.rows import AccountFacts
from holds.errors import PaymentIdentifierReused
from holds.fields import YEAR
from holds.x402 import payments as x402
from holds.x402.payments import Document, Unpayable
from holds.x402.rows import SCHEMES
from ledger_project.kernel import ids
from ledger_project.kernel.errors import Forbidden, IdempotencyKeyReused, InvalidRequest, Refusal, UnknownField
from ledger_project.kernel.fields import (
    AmountField,
    Field,
    RecordField,
    TextField,
    WholeNumberField,
    object_schema,
    parse_all,
)
from ledger_project.log.command import COMMANDS
from ledger_project.log.executor import KEY
from ledger_project.web.api.authentication import Principal
from ledger_project.web.api.commands import LightView, admit, idempotency_key, reply
from ledger_project.web.api.errors import BadRequest
from ledger_project.web.api.openapi import WRITING
from ledger_project.web.api.parsing import read_object
from ledger_project.web.api.permissions import READ, X402_PAY, X402_SETTLE
from ledger_project.web.api.sight import Everybodys


@dataclass(frozen=True)
class AnyObjectField(Field):
    """An object that is passed on or ignored: what x402's extensions and servers put there is theirs."""

    def parse(self, raw: Any, name: str) -> Document:
        if not isinstance(raw, dict):
            raise InvalidRequest(field=name, reason="not an object")
        return raw

    def schema(self) -> Document:
        return {"type": "object"}


TEXT, OBJECT = TextField(), AnyObjectField()
SIGNATURE = "PAYMENT-SIGNATURE"
NAME = "paymentRequirements.extra.settlement"


def requirements(minimum: int) -> dict[str, Field]:
    return {
        "scheme": TEXT,
        "network": TEXT,
        "amount": AmountField(minimum=minimum),
        "asset": TEXT,
        "payTo": TextField(forbidden="/"),
        "maxTimeoutSeconds": WholeNumberField(1, YEAR),
        "extra": OBJECT,
    }


EXTRA = {"extra": None}
SIGNED: dict[str, Field] = {"signature": TEXT, "authorization": x402.AUTHORIZATION}
PAYMENT: dict[str, Field] = {
    "x402Version": WholeNumberField(1, 1000),
    "accepted": RecordField(requirements(0), EXTRA),
    "payload": RecordField(SIGNED, {}),
    "resource": OBJECT,
    "extensions": OBJECT,
}
PAYMENT_OPTIONAL = {"resource": None, "extensions": None}
JUDGED: dict[str, Field] = {
    "x402Version": WholeNumberField(1, 1000),
    "paymentPayload": RecordField(PAYMENT, PAYMENT_OPTIONAL),
    "paymentRequirements": RecordField(requirements(0), EXTRA),
}
WANTED: dict[str, Field] = {
    "paymentRequirements": RecordField(requirements(1), EXTRA),
    "resource": OBJECT,
    "sessionKey": TextField(),
    "paymentIdentifier": COMMANDS["authorize_payment"].fields["nonce"],
}
WANTED_OPTIONAL = {"resource": None, "sessionKey": None, "paymentIdentifier": None}

FACILITATING: tuple[type[Refusal], ...] = tuple(each for each in WRITING if each.code != "idempotency_key_required")
_text, _flag = {"type": "string"}, {"type": "boolean"}


def _answer(description: str, required: Mapping[str, Document], **optional: Document) -> Document:
    properties = {**required, **optional}
    return {"type": "object", "description": description, "properties": properties, "required": list(required)}


SUPPORTED = _answer(
    "What this facilitator settles.",
    {
        "kinds": {"type": "array", "items": {"type": "object"}},
        "extensions": {"type": "array", "items": _text},
        "signers": {"type": "object"},
    },
)
VERIFIED = _answer(
    "Whether it would be settled now.", {"isValid": _flag}, payer=_text, invalidReason=_text, invalidMessage=_text
)
SETTLED = _answer(
    "Whether it was settled; `transaction` is the event.",
    {"success": _flag, "transaction": _text, "network": _text},
    payer=_text,
    amount=_text,
    errorReason=_text,
    errorMessage=_text,
    extensions={"type": "object"},
)
PAYLOAD = _answer(
    "The payment, to be sent as the PAYMENT-SIGNATURE that this reply has as a header, too.",
    {
        "x402Version": {"const": x402.VERSION},
        "accepted": {"type": "object"},
        "payload": {"type": "object"},
        "extensions": {"type": "object"},
    },
    resource={"type": "object"},
)


class Facilitator(LightView):
    """An address of x402; its clients need no Idempotency-Key, a payment is its own."""

    method: ClassVar[str] = "POST"
    scopes: ClassVar[tuple[str, ...]] = (X402_SETTLE,)
    refuses = FACILITATING

    @property
    def light_methods(self) -> Collection[str]:
        return (self.method,)

    def serve(self, request: HttpRequest, named: dict[str, str]) -> HttpResponse:
        principal = admit(request)
        self.require_scope(principal)
        if request.GET:
            raise UnknownField(field=next(iter(request.GET))[:300], reason="not a query parameter of this call")
        return self.answer(principal, request, **named)

    def require_scope(self, principal: Principal) -> None:
        """One of the address's scopes. Refuses: Forbidden."""
        if not any(map(principal.caller.may, self.scopes)):
            raise Forbidden(scope=self.scopes[-1])

    def answer(self, principal: Principal, request: HttpRequest, **named: str) -> HttpResponse:
        raise NotImplementedError


class Supported(Facilitator):
    """The schemes, and the network that this key's ledger is."""

    for_account_keys = Everybodys()
    method, scopes, refuses = "GET", (READ, X402_PAY, X402_SETTLE), ()

    @extend_schema(operation_id="x402_supported", summary="What can be paid with here.", responses={200: SUPPORTED})
    def get(self, request: Request) -> Response:
        raise AssertionError("served by the short way")

    def answer(self, principal: Principal, request: HttpRequest, **named: str) -> HttpResponse:
        network = x402.network(principal.tenant)
        kinds = [{"x402Version": x402.VERSION, "scheme": scheme, "network": network} for scheme in SCHEMES]
        return reply({"kinds": kinds, "extensions": [x402.IDENTIFIER], "signers": {}}, status=200)


class Authorize(Facilitator):
    """A payer's own authorization of what a server requires, signed by the ledger."""

    scopes = (X402_PAY,)
    refuses = (*FACILITATING, AccountNotFound, *COMMANDS["authorize_payment"].refuses, PaymentIdentifierReused)

    @extend_schema(
        operation_id="x402_authorize",
        summary="Authorise a payment from the key's own account.",
        request={"application/json": object_schema(WANTED, WANTED_OPTIONAL)},
        responses={200: PAYLOAD},
    )
    def post(self, request: Request) -> Response:
        raise AssertionError("served by the short way")

    def answer(self, principal: Principal, request: HttpRequest, **named: str) -> HttpResponse:
        if principal.account is None:
            raise Forbidden(reason="an account's own key authorises its payments, and this key is no account's")
        given = parse_all(WANTED, WANTED_OPTIONAL, read_object(request))
        wanted = given["paymentRequirements"]
        _require_ours(principal, wanted, given["sessionKey"])
        nonce = given["paymentIdentifier"] or f"pay_{secrets.token_hex(16)}"
        resource = given["resource"] or {}
        payer = facts_of(principal.tenant, ids.show("acc", principal.account))
        words = {"resource": str(resource.get("url") or "")[:1024], "session_key": given["sessionKey"]}
        try:
            authorization = x402.authorize(principal, payer, wanted, nonce, **words)
        except IdempotencyKeyReused as reused:
            raise PaymentIdentifierReused(fields=reused.facts.get("fields")) from reused
        accepted = {name: value for name, value in wanted.items() if value is not None}
        body = {
            "x402Version": x402.VERSION,
            **({"resource": resource} if resource else {}),
            "accepted": {**accepted, "amount": str(wanted["amount"])},
            "payload": {"signature": x402.signature(authorization), "authorization": authorization},
            "extensions": {x402.IDENTIFIER: {"info": {"id": nonce}}},
        }
        response = reply(body, status=200)
        response.headers[SIGNATURE] = base64.b64encode(json.dumps(body).encode()).decode()
        return response


def _require_ours(principal: Principal, wanted: Document, session_key: str | None) -> None:
    """Refuses: InvalidRequest."""
    if wanted["scheme"] not in SCHEMES:
        raise InvalidRequest(field="paymentRequirements.scheme", reason="not one of " + ", ".join(SCHEMES))
    if wanted["network"] != x402.network(principal.tenant):
        raise InvalidRequest(field="paymentRequirements.network", reason="not this ledger")
    if session_key is not None and wanted["scheme"] != "exact":
        raise InvalidRequest(field="sessionKey", reason="a session key pays what is exact")
    if session_key is not None and ids.read("ssk", session_key) is None:
        raise InvalidRequest(field="sessionKey", reason="not a session key's id")


class Judgement(Facilitator):
    """What the two addresses of a server that is being paid have in common."""

    def answer(self, principal: Principal, request: HttpRequest, **named: str) -> HttpResponse:
        given = parse_all(JUDGED, {"x402Version": x402.VERSION}, read_object(request))
        payment, wanted = given["paymentPayload"], given["paymentRequirements"]
        if given["x402Version"] != x402.VERSION:
            payment = {**payment, "x402Version": given["x402Version"]}
        if principal.account is not None and x402.receiver_of(payment) != principal.account:
            raise Forbidden(reason="an account's own key takes the payments to that account")
        _require_one_name(payment)
        name = (wanted["extra"] or {}).get("settlement")
        if name is not None:
            TEXT.parse(name, NAME)
        return self.judge(principal, payment, wanted, name, idempotency_key(request))

    def judge(
        self, principal: Principal, payment: Document, wanted: Document, name: str | None, attempt: str | None
    ) -> HttpResponse:
        """`name` is the server's own of this settlement, `attempt` the Idempotency-Key of this request."""
        raise NotImplementedError


def _require_one_name(payment: Document) -> None:
    """The payment identifier beside an authorization is the one that was signed. Refuses: BadRequest, …Reused."""
    extension = (payment["extensions"] or {}).get(x402.IDENTIFIER)
    if extension is None:
        return
    info = extension.get("info") if isinstance(extension, dict) else None
    if not isinstance(info, dict):
        raise BadRequest(reason=f"{x402.IDENTIFIER} has no info")
    if info.get("id") is not None and info["id"] != payment["payload"]["authorization"]["nonce"]:
        raise PaymentIdentifierReused()


class Verify(Judgement):
    """Whether a payment would be settled now; nothing is stored."""

    refuses = (*FACILITATING, PaymentIdentifierReused)

    @extend_schema(
        operation_id="x402_verify",
        summary="Judge a payment without taking it.",
        request={"application/json": object_schema(JUDGED, {"x402Version": x402.VERSION})},
        responses={200: VERIFIED},
    )
    def post(self, request: Request) -> Response:
        raise AssertionError("served by the short way")

    def judge(
        self, principal: Principal, payment: Document, wanted: Document, name: str | None, attempt: str | None
    ) -> HttpResponse:
        try:
            payer = x402.verify(principal, payment, wanted)
        except Unpayable as no:
            return _invalid(no)
        return reply({"isValid": True, "payer": payer.name}, status=200)


class Claim(Judgement):
    """Work for a payment, alone: `paymentRequirements.extra.settlement` names the work, and then its settlement."""

    refuses = (*FACILITATING, PaymentIdentifierReused)

    @extend_schema(
        operation_id="x402_claim",
        summary="Judge a payment, and let nobody else settle it.",
        request={"application/json": object_schema(JUDGED, {"x402Version": x402.VERSION})},
        responses={200: VERIFIED},
    )
    def post(self, request: Request) -> Response:
        raise AssertionError("served by the short way")

    def judge(
        self, principal: Principal, payment: Document, wanted: Document, name: str | None, attempt: str | None
    ) -> HttpResponse:
        if name is None:
            raise InvalidRequest(field=NAME, reason="missing")
        try:
            done, payer = x402.claim(principal, payment, wanted, name)
        except Unpayable as no:
            return _invalid(no)
        return reply({"isValid": True, "payer": payer.name}, status=200, replayed=done.replayed)


def _invalid(no: Unpayable) -> HttpResponse:
    said = {"invalidReason": no.reason, "invalidMessage": no.message}
    return reply({"isValid": False, **said, **_payer(no.payer)}, status=200)


class Settle(Judgement):
    """Take a payment: of `upto`, the `amount` of the requirements, at most what was authorised, or nothing."""

    refuses = (*FACILITATING, PaymentIdentifierReused)

    @extend_schema(
        operation_id="x402_settle",
        summary="Take a payment, once.",
        request={"application/json": object_schema(JUDGED, {"x402Version": x402.VERSION})},
        responses={200: SETTLED},
    )
    def post(self, request: Request) -> Response:
        raise AssertionError("served by the short way")

    def judge(
        self, principal: Principal, payment: Document, wanted: Document, name: str | None, attempt: str | None
    ) -> HttpResponse:
        network = x402.network(principal.tenant)
        if attempt is not None:
            KEY.parse(attempt, "idempotency_key")
        try:
            done, payer = x402.settle(principal, payment, wanted, name, attempt)
        except Unpayable as no:
            failed = {"success": False, "errorReason": no.reason, "errorMessage": no.message}
            return reply({**failed, "transaction": "", "network": network, **_payer(no.payer)}, status=200)
        return reply(_settlement(done.document, payer, wanted, network), status=200, replayed=done.replayed)


def _settlement(event: Document, payer: AccountFacts, wanted: Document, network: str) -> Document:
    receipt = {"event": event["id"], "receipt": f"/v1/events/{event['id']}/receipt"}
    return {
        "success": True,
        "transaction": event["id"],
        "network": network,
        "payer": payer.name,
        "amount": str(wanted["amount"]),
        "extensions": {"ledger-receipt": {"info": receipt}},
    }


def _payer(name: str | None) -> Document:
    return {"payer": name} if name else {}
