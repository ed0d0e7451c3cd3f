"""Issuing: read what is so, sign it, and write the event, the attestation and its leaves in one commit."""

from django.db import connection, transaction

from accounts.errors import CurrencyNotFound
from accounts.models import Currency
from ledger_project.kernel import clock, ids
from ledger_project.kernel.errors import IdempotencyKeyReused
from ledger_project.log.caller import Caller
from ledger_project.log.command import COMMANDS
from ledger_project.log.executor import Call, Done, execute_one, fit_key
from ledger_project.log.models import Event
from reserves import jws
from reserves.errors import AttestationOutdated
from reserves.loading import Draft, draft

COMMAND = "issue_attestation"
ATTEMPTS = 5  # each repeat follows another attestation of the same currency


def issue(tenant: int, currency: str | None, *, key: str | None, caller: Caller, dry_run: bool = False) -> Done:
    """Attest a currency (None: the tenant's only one) at the newest checkpoint; a spent key gives its first answer.

    Refuses besides what the command does: what is wrong with the key, CannotAttest.
    """
    key = fit_key(caller, key)
    spent = Event.objects.filter(tenant=tenant, idempotency_key=key).first()
    if spent is not None:
        return _replay(spent, currency, caller=caller)
    for attempt in range(ATTEMPTS):
        made = draft(tenant, _currency(tenant, currency))
        call = _call(tenant, made, key=key, caller=caller)
        try:
            return _write(call, made, dry_run=dry_run)
        except AttestationOutdated:
            if attempt == ATTEMPTS - 1:
                raise
    raise AssertionError("unreachable")


def _currency(tenant: int, code: str | None) -> Currency:
    """Refuses: CurrencyNotFound."""
    found = list(Currency.objects.filter(tenant=tenant, **({"code": code} if code else {}))[:2])
    if len(found) != 1:
        raise CurrencyNotFound(currency=code or "not given, and the tenant has not just one")
    return found[0]


def _call(tenant: int, made: Draft, *, key: str, caller: Caller) -> Call:
    raw = {
        "currency": made.moment.currency,
        "attestation": ids.show("att", made.moment.id),
        "as_of": clock.stamp(made.moment.as_of),
        "checkpoint": made.checkpoint,
        "document": made.document.decode(),
        "jws": jws.sign(made.document),
    }
    return Call.of(tenant, caller, key, COMMANDS[COMMAND], raw)


def _write(call: Call, made: Draft, *, dry_run: bool) -> Done:
    if dry_run:
        return execute_one(call, dry_run=True)
    with transaction.atomic():
        done = execute_one(call)
        if not done.replayed:
            _write_leaves(call.tenant, made)
        return done


def _write_leaves(tenant: int, made: Draft) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO reserves_attestationleaf (attestation_id, tenant_id, account_id, owed, salt)"
            " SELECT %s, %s, * FROM unnest(%s::uuid[], %s::text[]::numeric[], %s::bytea[])",
            (
                made.moment.id,
                tenant,
                [each.account for each in made.owed],
                [str(each.total) for each in made.owed],
                [each.salt for each in made.owed],
            ),
        )


def _replay(spent: Event, currency: str | None, *, caller: Caller) -> Done:
    """The first answer. What stands against attesting now does not concern it. Refuses: IdempotencyKeyReused."""
    if spent.command != COMMAND:
        raise IdempotencyKeyReused(fields=["command"], event=ids.show("evt", spent.pk))
    raw = {**spent.payload, **({"currency": currency} if currency else {})}
    return execute_one(Call.of(spent.tenant_id, caller, spent.idempotency_key, COMMANDS[COMMAND], raw))
