"""x402 version 2 over the ledger's own money: what a payer authorises, who works for it, and how it is settled.

An authorization is a text that the ledger made for the payer and signed: who pays whom how much at most, until when, by
which key. It is stored when it is made, so what became of it is judged under its lock: it is settled once, to that
receiver alone, by whoever has claimed it. Of the scheme `upto` it stands on a hold, so the money is there; of the
scheme `exact` it reserves nothing. docs/402.md.
"""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.signing import BadSignature, Signer

from accounts.errors import AccountNotFound, CurrencyMismatch
from accounts.queries import facts as facts_of
from accounts.rows import AccountFacts
from holds.errors import AuthorizationExpired, AuthorizationNotFound, PaymentClaimed, PaymentNotOpen
from holds.x402.rows import SCHEMES, AuthorizationRow, AuthorizationStore
from ledger_project.kernel import clock, ids
from ledger_project.kernel.canonical import canonical
from ledger_project.kernel.errors import IdempotencyKeyReused, Refusal
from ledger_project.kernel.fields import RecordField, TextField
from ledger_project.log.command import COMMANDS
from ledger_project.log.executor import Call, Done, execute_one, look, system_key
from ledger_project.log.queries import read
from ledger_project.web.api.authentication import Principal

VERSION = 2
IDENTIFIER = "payment-identifier"  # the extension that carries the payer's own name of a payment
TAKEN = "invalid_transaction_state"  # settled, cancelled or claimed before, by another
Document = dict[str, Any]

# The one form of an authorization, under x402's names; whatever else it has is refused.
_MEMBERS = ("scheme", "network", "asset", "from", "to", "value", "validBefore", "nonce", "key", "hold", "sessionKey")
AUTHORIZATION = RecordField(dict.fromkeys(_MEMBERS, TextField()), {"hold": None, "sessionKey": None})


class Unpayable(Exception):
    """Why a payment is not valid or not settled; `reason` is a code of x402, or of one of the ledger's refusals."""

    def __init__(self, reason: str, message: str, payer: str | None = None) -> None:
        super().__init__(reason)
        self.reason, self.message, self.payer = reason, message, payer


def network(tenant: int) -> str:
    """The CAIP-2 id of a tenant's ledger: of the log's name and the tenant's, as chains are named by their genesis."""
    (slug,) = read("SELECT slug FROM accounts_tenant WHERE id = %s", [tenant])[0]
    return "ledger:" + hashlib.sha256(f"{settings.LOG_ORIGIN}\n{slug}".encode()).hexdigest()[:32]


def authorize(principal: Principal, payer: AccountFacts, wanted: Document, nonce: str, **words: Any) -> Document:
    """What `wanted`, a server's requirements, asks of the payer, stored; of `upto`, the money is set aside.

    Refuses: AccountNotFound, CurrencyMismatch, then as authorize_payment; IdempotencyKeyReused.
    """
    if wanted["asset"] != payer.currency:
        raise CurrencyMismatch(account=payer.name, currency=payer.currency, expected=wanted["asset"])
    _require_fresh(principal.tenant, payer, nonce)
    asked = {
        "account": payer.ref,
        "to_account": facts_of(principal.tenant, wanted["payTo"]).ref,
        "amount": str(wanted["amount"]),
        "scheme": wanted["scheme"],
        "nonce": nonce,
        "expires_in": min(wanted["maxTimeoutSeconds"], settings.X402_MAX_SECONDS),
        "session_key": words.get("session_key"),
        "resource": words.get("resource") or None,
    }
    done = _run(principal, "authorize_payment", payer, nonce, asked)
    return _signed(done.document["result"]["authorization"], wanted["network"])


def _signed(made: Document, network: str) -> Document:
    """An authorization as it is signed."""
    members = {
        "scheme": made["scheme"],
        "network": network,
        "asset": made["currency"],
        "from": made["account"],
        "to": made["counterparty"],
        "value": made["amount"],
        "validBefore": _seconds(clock.read(made["expires_at"])),
        "nonce": made["nonce"],
        "key": made["api_key"],
        "hold": made["hold"],
        "sessionKey": made["session_key"],
    }
    return {name: value for name, value in members.items() if value is not None}


def _require_fresh(tenant: int, payer: AccountFacts, nonce: str) -> None:
    """The name was not used before payments were stored, when a spend or a hold under such a key was one.

    Refuses: IdempotencyKeyReused.
    """
    if look(_MADE_BEFORE, (tenant, f"x402:{payer.ref}:{nonce}", tenant, f"x402:{payer.ref}:{nonce}:hold", payer.ref)):
        raise IdempotencyKeyReused(fields=["command"])


_MADE_BEFORE = """
SELECT FROM (SELECT payload FROM log_event WHERE tenant_id = %s AND idempotency_key = %s AND command = 'spend'
             UNION ALL
             SELECT payload FROM log_event WHERE tenant_id = %s AND idempotency_key = %s AND command = 'place_hold'
             ) AS made
 WHERE payload ->> 'account' = %s
"""


def signature(authorization: Document) -> str:
    return _signer().signature(_text(authorization))


def _is_signed(authorization: Document, signature: str) -> bool:
    """Also with a secret that was replaced since; compared in constant time."""
    try:
        _signer().unsign(f"{_text(authorization)}:{signature}")
    except BadSignature:
        return False
    return True


def _signer() -> Signer:
    return Signer(salt="holds.x402")


def _text(authorization: Document) -> str:
    return canonical({name: value for name, value in authorization.items() if value is not None}).decode()


def verify(principal: Principal, payment: Document, wanted: Document) -> AccountFacts:
    """The payer of a payment that would be settled now. Raises Unpayable."""
    stored, payer = _judge(principal.tenant, payment, wanted)
    if stored.status != "open":
        raise Unpayable(TAKEN, f"This payment is {stored.status} already.", payer.name)
    _settle(principal, stored, payer, wanted, dry_run=True)
    return payer


def claim(principal: Principal, payment: Document, wanted: Document, name: str) -> tuple[Done, AccountFacts]:
    """Work for a payment that would be settled now, alone, under a name. Raises Unpayable."""
    stored, payer = _judge(principal.tenant, payment, wanted)
    if stored.status not in ("open", "claimed"):
        raise Unpayable(TAKEN, f"This payment is {stored.status} already.", payer.name)
    _settle(principal, stored, payer, wanted, name=name, dry_run=True)
    return _do(principal, stored, payer, "claim_payment", {"settlement": name}), payer


def settle(
    principal: Principal, payment: Document, wanted: Document, name: str | None, attempt: str | None
) -> tuple[Done, AccountFacts]:
    """Pay, once; only the same attempt, by one of its names, is told so again. Raises Unpayable."""
    stored, payer = _judge(principal.tenant, payment, wanted, settling=True)
    if name is None and attempt is None:
        attempt = secrets.token_hex(16)  # nobody can say that it is the same request
    return _settle(principal, stored, payer, wanted, name=name, attempt=attempt), payer


def cancel(principal: Principal, payer: AccountFacts, nonce: str) -> Document:
    """An authorization that the payer takes back. Refuses: AuthorizationNotFound, then as cancel_payment."""
    stored = _stored(principal.tenant, payer.id, nonce)
    if stored is None:
        raise AuthorizationNotFound(authorization=nonce[:300])
    done = _run(principal, "cancel_payment", payer, nonce, {"authorization": ids.show("aut", stored.id)})
    cancelled: Document = done.document["result"]["authorization"]
    return cancelled


def _judge(
    tenant: int, payment: Document, wanted: Document, *, settling: bool = False
) -> tuple[AuthorizationRow, AccountFacts]:
    """What of a payment can be judged without its lock. Raises Unpayable."""
    scheme = wanted["scheme"]
    if payment["x402Version"] != VERSION:
        raise Unpayable("invalid_x402_version", f"This ledger speaks version {VERSION}.")
    if scheme not in SCHEMES:
        raise Unpayable("unsupported_scheme", "This ledger has the schemes upto and exact.")
    if wanted["network"] != network(tenant):
        raise Unpayable("invalid_network", "The requirements are for another ledger.")
    signed = payment["payload"]["authorization"]
    bad = f"invalid_{scheme}_ledger_payload"
    if not _is_signed(signed, payment["payload"]["signature"]):
        raise Unpayable(f"{bad}_signature", "The authorization was not made by this ledger, or was changed.")
    accepted = payment["accepted"]
    agreed = all(accepted[name] == wanted[name] for name in ("scheme", "network", "asset", "payTo"))
    if not agreed or any(signed[name] != wanted[name] for name in ("scheme", "network", "asset")):
        raise Unpayable("invalid_payment_requirements", "What was accepted is not what is required.")
    payer = facts_of(tenant, signed["from"])
    stored = _stored(tenant, payer.id, signed["nonce"])
    if stored is None:
        raise Unpayable("invalid_payload", "The authorization is not one of this ledger's.", payer.name)
    if _account(tenant, wanted["payTo"]) != stored.counterparty:
        raise Unpayable(f"{bad}_recipient_mismatch", "The authorization pays another account.", payer.name)
    if settling and scheme == "upto" and wanted["amount"] > stored.amount:
        reason = f"{bad}_settlement_exceeds_amount"
        raise Unpayable(reason, f"The payer authorised at most {stored.amount}.", payer.name)
    if wanted["amount"] > stored.amount or (scheme == "exact" and wanted["amount"] != stored.amount):
        raise Unpayable(f"{bad}_authorization_value", f"The payer authorised {stored.amount}.", payer.name)
    return stored, payer


def _account(tenant: int, ref: str) -> UUID | None:
    try:
        return facts_of(tenant, ref).id
    except AccountNotFound:
        return None


def _stored(tenant: int, payer: UUID, nonce: str) -> AuthorizationRow | None:
    """An authorization as last committed."""
    columns = AuthorizationStore.columns
    found = look(
        f"{columns.select} WHERE stored.tenant_id = %s AND stored.account_id = %s AND stored.nonce = %s",
        (tenant, payer, nonce),
    )
    return columns.read(found[0]) if found else None


def _settle(
    principal: Principal,
    stored: AuthorizationRow,
    payer: AccountFacts,
    wanted: Document,
    *,
    name: str | None = None,
    attempt: str | None = None,
    dry_run: bool = False,
) -> Done:
    said = {"amount": str(wanted["amount"]), "settlement": name, "attempt": attempt}
    return _do(principal, stored, payer, "settle_payment", said, dry_run=dry_run)


def _do(
    principal: Principal,
    stored: AuthorizationRow,
    payer: AccountFacts,
    command: str,
    said: Document,
    *,
    dry_run: bool = False,
) -> Done:
    """A command about a payment; its refusal in x402's words. Raises Unpayable."""
    try:
        said["authorization"] = ids.show("aut", stored.id)
        return _run(principal, command, payer, stored.nonce, said, dry_run=dry_run)
    except (IdempotencyKeyReused, PaymentNotOpen, PaymentClaimed):
        raise Unpayable(TAKEN, "This payment was settled or claimed before, or cancelled.", payer.name) from None
    except AuthorizationExpired:
        reason = f"invalid_{stored.scheme}_ledger_payload_authorization_valid_before"
        raise Unpayable(reason, "The authorization has expired.", payer.name) from None
    except Refusal as refusal:
        if refusal.status >= 500:
            raise
        raise Unpayable(refusal.code, refusal.message(), payer.name) from refusal


def _run(
    principal: Principal, name: str, payer: AccountFacts, nonce: str, arguments: Document, *, dry_run: bool = False
) -> Done:
    """A command as the payer's own act, which the ledger carries out for whoever presents what the payer signed."""
    command = COMMANDS[name]
    act = principal.caller.authorized(account=payer.id, permission=command.permission)
    key = system_key("x402", payer.ref, nonce, name)
    call = Call.of(principal.tenant, replace(act, is_system=True), key, command, arguments)
    return execute_one(call, dry_run=dry_run)


def _seconds(moment: datetime) -> str:
    return str(int(moment.timestamp()))


def receiver_of(payment: Mapping[str, Any]) -> UUID | None:
    """Whom the authorization pays, as far as it says so."""
    return ids.read("acc", payment["payload"]["authorization"]["to"])
