"""x402 version 2 over the ledger's own money: what a payer authorises, and how it is settled.

An authorization is a text that the ledger made for the payer and signed: who pays whom how much at most, until when.
It can be settled once, to that receiver alone, and nobody without the ledger's secret can make or change one. Of the
scheme `upto` it stands on a hold, so the money is there; of the scheme `exact` it reserves nothing. docs/402.md.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.signing import BadSignature, Signer

from accounts.errors import AccountNotFound, CurrencyMismatch
from accounts.queries import facts as facts_of
from accounts.rows import AccountFacts
from ledger_project.kernel import clock, ids
from ledger_project.kernel.canonical import canonical
from ledger_project.kernel.errors import IdempotencyKeyReused, Refusal
from ledger_project.log.command import COMMANDS
from ledger_project.log.executor import Call, Done, execute_one
from ledger_project.log.models import Event
from ledger_project.log.queries import of_key, read
from ledger_project.web.authentication import Principal

VERSION = 2
SCHEMES = ("upto", "exact")
IDENTIFIER = "payment-identifier"  # the extension that carries the payer's own name of a payment
Document = dict[str, Any]


class Unpayable(Exception):
    """Why a payment is not valid or not settled; `reason` is a code of x402, or of one of the ledger's refusals."""

    def __init__(self, reason: str, message: str, payer: str | None = None) -> None:
        super().__init__(reason)
        self.reason, self.message, self.payer = reason, message, payer


@dataclass(frozen=True, slots=True)
class Authorization:
    """What the payer allows. Accounts are ids, the value is in minor units, the time in Unix seconds; all are text."""

    scheme: str
    network: str
    asset: str
    payer: str
    receiver: str
    value: str
    valid_before: str
    nonce: str
    hold: str = ""
    session_key: str = ""

    def document(self) -> Document:
        """Under the names that x402 has for it."""
        names = {"payer": "from", "receiver": "to", "valid_before": "validBefore", "session_key": "sessionKey"}
        return {names.get(name, name): value for name, value in asdict(self).items() if value}

    @classmethod
    def of(cls, document: Mapping[str, str]) -> "Authorization":
        """Raises TypeError where it has other members."""
        names = {"from": "payer", "to": "receiver", "validBefore": "valid_before", "sessionKey": "session_key"}
        return cls(**{names.get(name, name): value for name, value in document.items()})

    def signature(self) -> str:
        return _signer().signature(_text(self))

    def is_signed(self, signature: str) -> bool:
        """Also with a secret that was replaced since; compared in constant time."""
        try:
            _signer().unsign(f"{_text(self)}:{signature}")
        except BadSignature:
            return False
        return True

    @property
    def key(self) -> str:
        """The idempotency key of its settlement: an authorization is settled once."""
        return f"x402:{self.payer}:{self.nonce}"


def _signer() -> Signer:
    return Signer(salt="holds.x402")


def _text(authorization: Authorization) -> str:
    return canonical(authorization.document()).decode()


def network(tenant: int) -> str:
    """The CAIP-2 id of a tenant's ledger: of the log's name and the tenant's, as chains are named by their genesis."""
    (slug,) = read("SELECT slug FROM accounts_tenant WHERE id = %s", [tenant])[0]
    return "ledger:" + hashlib.sha256(f"{settings.LOG_ORIGIN}\n{slug}".encode()).hexdigest()[:32]


def authorize(principal: Principal, payer: AccountFacts, wanted: Document, nonce: str, **words: Any) -> Authorization:
    """Sign what `wanted`, a server's requirements, asks of the payer; of `upto`, the money is set aside.

    Refuses: AccountNotFound, CurrencyMismatch, then as place_hold; IdempotencyKeyReused.
    """
    if wanted["asset"] != payer.currency:
        raise CurrencyMismatch(account=payer.name, currency=payer.currency, expected=wanted["asset"])
    receiver = facts_of(principal.tenant, wanted["payTo"])
    until = clock.now() + timedelta(seconds=wanted["maxTimeoutSeconds"])
    signed: Document = {
        "scheme": wanted["scheme"],
        "network": wanted["network"],
        "asset": payer.currency,
        "payer": ids.show("acc", payer.id),
        "receiver": ids.show("acc", receiver.id),
        "value": str(wanted["amount"]),
        "nonce": nonce,
    }
    if wanted["scheme"] == "exact":
        return Authorization(**signed, valid_before=_seconds(until), session_key=words.get("session_key") or "")
    resource = words.get("resource")
    held = _run(
        principal,
        "place_hold",
        f"x402:{signed['payer']}:{nonce}:hold",
        account=signed["payer"],
        amount=signed["value"],
        to_account=signed["receiver"],
        expires_in=wanted["maxTimeoutSeconds"],
        references={"x402": nonce, **({"resource": resource} if resource else {})},
    ).document["result"]["hold"]
    return Authorization(**signed, valid_before=_seconds(clock.read(held["expires_at"])), hold=held["id"])


def verify(principal: Principal, payment: Document, wanted: Document) -> AccountFacts:
    """The payer of a payment that would be settled now. Raises Unpayable."""
    authorization, payer = _judge(principal.tenant, payment, wanted, settling=False)
    if _settled(principal.tenant, authorization):
        raise Unpayable("invalid_transaction_state", "This payment was settled before.", payer.name)
    _settle(principal, authorization, payer, wanted["amount"], dry_run=True)
    return payer


def settle(principal: Principal, payment: Document, wanted: Document) -> tuple[Done, AccountFacts]:
    """Pay, once; the same settlement asked for again is the same one. Raises Unpayable."""
    authorization, payer = _judge(principal.tenant, payment, wanted, settling=True)
    return _settle(
        principal, authorization, payer, wanted["amount"], name=(wanted["extra"] or {}).get("settlement")
    ), payer


def _judge(tenant: int, payment: Document, wanted: Document, *, settling: bool) -> tuple[Authorization, AccountFacts]:
    """What of a payment can be judged without the books of its payer. Raises Unpayable."""
    scheme = wanted["scheme"]
    if payment["x402Version"] != VERSION:
        raise Unpayable("invalid_x402_version", f"This ledger speaks version {VERSION}.")
    if scheme not in SCHEMES:
        raise Unpayable("unsupported_scheme", "This ledger has the schemes upto and exact.")
    if wanted["network"] != network(tenant):
        raise Unpayable("invalid_network", "The requirements are for another ledger.")
    try:
        authorization = Authorization.of(payment["payload"]["authorization"])
    except TypeError:
        raise Unpayable("invalid_payload", "The authorization is not one of this ledger's.") from None
    bad = f"invalid_{scheme}_ledger_payload"
    if not authorization.is_signed(payment["payload"]["signature"]):
        raise Unpayable(f"{bad}_signature", "The authorization was not made by this ledger, or was changed.")
    accepted = payment["accepted"]
    agreed = all(accepted[name] == wanted[name] for name in ("scheme", "network", "asset", "payTo"))
    signed = (authorization.scheme, authorization.network, authorization.asset)
    if not agreed or signed != (scheme, wanted["network"], wanted["asset"]):
        raise Unpayable("invalid_payment_requirements", "What was accepted is not what is required.")
    payer = facts_of(tenant, authorization.payer)
    if _receiver(tenant, wanted["payTo"]) != authorization.receiver:
        raise Unpayable(f"{bad}_recipient_mismatch", "The authorization pays another account.", payer.name)
    value = int(authorization.value)
    if settling and scheme == "upto" and wanted["amount"] > value:
        raise Unpayable(f"{bad}_settlement_exceeds_amount", f"The payer authorised at most {value}.", payer.name)
    if wanted["amount"] > value or (scheme == "exact" and wanted["amount"] != value):
        raise Unpayable(f"{bad}_authorization_value", f"The payer authorised {value}.", payer.name)
    over = int(_seconds(clock.now())) >= int(authorization.valid_before)
    if over and not _settled(tenant, authorization):
        raise Unpayable(f"{bad}_authorization_valid_before", "The authorization has expired.", payer.name)
    return authorization, payer


def _receiver(tenant: int, ref: str) -> str | None:
    try:
        return ids.show("acc", facts_of(tenant, ref).id)
    except AccountNotFound:
        return None


def _settled(tenant: int, authorization: Authorization) -> bool:
    return of_key(Event.objects.all(), tenant, authorization.key).exists()


def _settle(
    principal: Principal,
    authorization: Authorization,
    payer: AccountFacts,
    amount: int,
    *,
    name: str | None = None,
    dry_run: bool = False,
) -> Done:
    """The command that the scheme and the amount call for. Raises Unpayable."""
    command, arguments = _command_of(authorization, amount, name)
    try:
        return _run(principal, command, authorization.key, dry_run=dry_run, **arguments)
    except IdempotencyKeyReused:
        raise Unpayable(
            "invalid_transaction_state", "This payment was settled before, otherwise or by another.", payer.name
        ) from None
    except Refusal as refusal:
        if refusal.status >= 500:
            raise
        raise Unpayable(refusal.code, refusal.message(), payer.name) from refusal


def _command_of(authorization: Authorization, amount: int, name: str | None) -> tuple[str, Document]:
    """The settling command. `name` is the server's own for this settlement: with another it is another settlement."""
    if authorization.scheme == "exact":
        spent = {"account": authorization.payer, "to_account": authorization.receiver, "amount": authorization.value}
        optional = {"session_key": authorization.session_key or None, "description": name}
        return "spend", {**spent, **optional, "reference": authorization.nonce}
    if amount == 0:
        return "release_hold", {"hold": authorization.hold, "reason": name}
    return "capture_hold", {"hold": authorization.hold, "amount": str(amount), "order_id": name}


def _run(principal: Principal, name: str, key: str, *, dry_run: bool = False, **arguments: Any) -> Done:
    call = Call.of(principal.tenant, principal.caller, key, COMMANDS[name], arguments)
    return execute_one(call, dry_run=dry_run)


def _seconds(moment: datetime) -> str:
    return str(int(moment.timestamp()))


def receiver_of(payment: Document) -> UUID | None:
    """Whom the authorization pays, as far as it says so."""
    return ids.read("acc", str(payment["payload"]["authorization"].get("to", "")))
