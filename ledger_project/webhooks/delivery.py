"""Sending: whose turn it is, one attempt after the other, and what came of it.

A sender takes an endpoint with a lease and sends what is due to it in the order of the log. Everything that matters is
in rows: an attempt is written before it is made, and its outcome after. A worker that is killed in between leaves a
lease that ends by itself; then another sends the same event under the same id once more. So every delivery is made at
least once, and an endpoint has one sender at a time.
"""

import logging
import time
import uuid
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from django.db import connection, transaction

from ledger_project.kernel import clock, ids
from ledger_project.log import feed
from ledger_project.log.executor import look, run
from ledger_project.web import addresses
from ledger_project.web.errors import UnsafeUrl
from ledger_project.web.transport import Answer, Wire
from ledger_project.webhooks import messages, schedule, signing
from ledger_project.webhooks.errors import WebhookDisabled, WebhookNotFound
from ledger_project.webhooks.signing import UnreadableSecret

LEASE = timedelta(seconds=60)  # longer than any attempt, DNS included
TURN = 10.0  # seconds after which others have their turn
SECRET_OVERLAP = timedelta(hours=24)  # for which a rotated secret signs as well
GONE = 410
AHEAD = 50  # events that are read at once

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to send to one endpoint, until it ends or another sender has it."""

    endpoint: UUID
    token: UUID


@dataclass(frozen=True, slots=True)
class Due:
    """One attempt that has begun."""

    attempt: UUID
    delivery: UUID
    event: UUID
    attempts: int  # of this delivery, this one included
    failures: int  # of the endpoint in a row, before this one
    tenant: int
    account: UUID | None  # the endpoint's, which is told no more than what is its
    url: str
    generation: int
    rotated_at: datetime | None


def claim(most: int) -> list[Lease]:
    """Take at most this many endpoints that have something due, those that waited longest first."""
    now = clock.now()
    token = uuid.uuid4()
    return [Lease(endpoint, token) for (endpoint,) in look(_CLAIM, (token, now + LEASE, now, now, most))]


def take_turn(lease: Lease, key: Ed25519PrivateKey) -> int:
    """Send what is due to the endpoint, until something fails or the turn is over; how many attempts were made."""
    ends = time.monotonic() + TURN
    attempts = 0
    with closing(_Turn(lease.endpoint, key)) as turn:
        while time.monotonic() < ends:
            due = begin(lease)
            if due is None:
                break
            attempts += 1
            if not settle(lease, due, turn.attempt(due)):
                break
    give_back(lease)
    return attempts


def begin(lease: Lease) -> Due | None:
    """Write that the next attempt begins; None where nothing is due, or the lease is another's by now."""
    now = clock.now()
    attempt = ids.make(now, 0)
    found = look(_BEGIN, (now + LEASE, lease.endpoint, lease.token, now, lease.endpoint, attempt, now))
    return Due(attempt, *found[0]) if found else None


class _Turn:
    """Attempts at one endpoint, one after the other, with what the next ones need at hand."""

    def __init__(self, endpoint: UUID, key: Ed25519PrivateKey) -> None:
        self.endpoint = endpoint
        self.key = key
        self._wire: Wire | None = None
        self._ahead: dict[UUID, feed.Sealed] = {}
        self._secrets: dict[tuple[int, bool], list[bytes]] = {}

    def attempt(self, due: Due) -> Answer:
        """Sign and send, over the connection of the attempt before it where that leads to the same place."""
        try:
            target = addresses.read(due.url)
            secrets = self._live_secrets(due)
        except UnsafeUrl as refusal:
            return Answer(error="unsafe_url", detail=refusal.facts["reason"])
        except UnreadableSecret:
            name = ids.show("wbh", self.endpoint)
            log.error("the secrets of webhook %s cannot be read: was the secret key changed?", name)
            return Answer(error="unreadable_secret")
        if self._wire is None or self._wire.target != target:
            self.close()
            self._wire = Wire(target)
        body = messages.body(self._event(due.event), due.account)
        signed = signing.headers(ids.show("dlv", due.delivery), int(clock.now().timestamp()), body, secrets, self.key)
        return self._wire.post({**_HEADERS, "X-Request-ID": due.attempt.hex, **signed}, body)

    def close(self) -> None:
        if self._wire is not None:
            self._wire.close()

    def _event(self, event: UUID) -> feed.Sealed:
        """The event, read together with those that are due after it: what is sealed does not change."""
        if event not in self._ahead:
            due = look(_AHEAD, (self.endpoint, clock.now(), AHEAD))
            self._ahead = feed.find({event, *(each for (each,) in due)})
        return self._ahead.pop(event)

    def _live_secrets(self, due: Due) -> list[bytes]:
        """The newest secret, and for a day after a rotation the one before it. Raises UnreadableSecret."""
        overlap = due.rotated_at is not None and clock.now() < due.rotated_at + SECRET_OVERLAP
        if (due.generation, overlap) not in self._secrets:
            found = look(_SECRETS, (self.endpoint, due.generation - overlap))
            self._secrets[due.generation, overlap] = [signing.unseal(sealed) for (sealed,) in found]
        return self._secrets[due.generation, overlap]


_HEADERS = {
    "Content-Type": "application/json",
    "User-Agent": "ledger-webhooks/1",
    "Accept-Encoding": "identity",
}


def settle(lease: Lease, due: Due, answer: Answer) -> bool:
    """Write what came of an attempt; whether the endpoint is fit for the next one."""
    now = clock.now()
    outcome = (now, answer.status, answer.error, answer.detail, answer.milliseconds, due.attempt)
    if answer.accepted:
        look(_SUCCEEDED, (*outcome, now, lease.endpoint, now, due.delivery))
        if due.failures >= schedule.IN_ORDER:
            look(_WAKE, (now, lease.endpoint, now))
        return True

    delay = schedule.next_attempt(due.attempts)
    rest = schedule.rest(due.attempts, due.failures + 1, delay)
    wish = schedule.wish(answer.headers or {}, now)
    due_at = None if delay is None else now + max(delay, wish)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_ENDED, outcome)
        cursor.execute(_FAILED, (now + max(rest, wish), now, lease.endpoint, lease.token))
        failing = cursor.fetchone()
        if failing is not None:  # else another sender has this delivery now, and its attempt decides
            cursor.execute(_PUT_OFF, (due_at, due_at, due_at, now, due.delivery))
    if failing is not None:
        _disable_if_hopeless(lease.endpoint, due, answer, now - failing[0])
    return False


def _disable_if_hopeless(endpoint: UUID, due: Due, answer: Answer, failing_for: timedelta) -> None:
    """Stop sending to what is gone, or has not answered for days. Its events wait in the log until it is enabled."""
    if answer.status == GONE:
        reason = "gone"
    elif failing_for >= timedelta(days=settings.WEBHOOK_DISABLE_AFTER_DAYS):
        reason = "failing"
    else:
        return
    key = f"webhook:disable:{due.attempt.hex}"
    try:
        run(due.tenant, "disable_webhook", key=key, webhook=ids.show("wbh", endpoint), reason=reason)
    except (WebhookDisabled, WebhookNotFound):
        return  # somebody did it meanwhile
    log.warning("webhook %s was disabled: %s", ids.show("wbh", endpoint), reason)


def give_back(lease: Lease) -> None:
    """End the lease and say when there is something to do next.

    The cursor is locked before deliveries are read: a fan-out that comes in between would be overlooked otherwise.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_LOCK, (lease.endpoint, lease.token))
        if cursor.fetchone() is not None:
            cursor.execute(_GIVE_BACK, (lease.endpoint,))


def prune(older_than: timedelta, most: int = 10_000) -> int:
    """Forget deliveries that were settled this long ago, and their attempts; how many. A replay makes them again."""
    with connection.cursor() as cursor:
        cursor.execute(_PRUNE, (clock.now() - older_than, most))
        return cursor.rowcount


_CLAIM = """
UPDATE webhooks_cursor SET lease = %s, lease_until = %s
 WHERE endpoint_id IN (
       SELECT cursor.endpoint_id
         FROM webhooks_cursor AS cursor JOIN webhooks_endpoint AS endpoint ON endpoint.id = cursor.endpoint_id
        WHERE cursor.due_at <= %s AND (cursor.lease_until IS NULL OR cursor.lease_until <= %s)
          AND endpoint.enabled AND endpoint.deleted_at IS NULL
        ORDER BY cursor.due_at LIMIT %s
          FOR NO KEY UPDATE OF cursor SKIP LOCKED)
RETURNING endpoint_id
"""
# Cursor before delivery, as commands lock them.
_BEGIN = """
WITH held AS (
    UPDATE webhooks_cursor SET lease_until = %s WHERE endpoint_id = %s AND lease = %s
    RETURNING endpoint_id, failures
), next AS (
    SELECT delivery.id, held.failures, endpoint.account_id, endpoint.url, endpoint.generation, endpoint.rotated_at
      FROM held
      JOIN webhooks_endpoint AS endpoint ON endpoint.id = held.endpoint_id
      JOIN LATERAL (SELECT id FROM webhooks_delivery
                     WHERE endpoint_id = held.endpoint_id AND state = 'pending' AND due_at <= %s
                     ORDER BY log_index LIMIT 1) AS delivery ON true
     WHERE endpoint.id = %s AND endpoint.enabled AND endpoint.deleted_at IS NULL
), counted AS (
    UPDATE webhooks_delivery AS delivery SET attempts = delivery.attempts + 1
      FROM next WHERE delivery.id = next.id AND delivery.state = 'pending'
    RETURNING delivery.id, delivery.event, delivery.attempts, next.failures, delivery.tenant_id, next.account_id,
              next.url, next.generation, next.rotated_at
), begun AS (
    INSERT INTO webhooks_attempt (id, delivery_id, tenant_id, url, started_at, error, detail)
    SELECT %s, id, tenant_id, url, %s, '', '' FROM counted
)
SELECT * FROM counted
"""
_AHEAD = """
SELECT event FROM webhooks_delivery
 WHERE endpoint_id = %s AND state = 'pending' AND due_at <= %s ORDER BY log_index LIMIT %s
"""
_SECRETS = """
SELECT sealed FROM webhooks_secret WHERE endpoint_id = %s AND generation >= %s ORDER BY generation DESC
"""
_ENDED = """
UPDATE webhooks_attempt SET ended_at = %s, status = %s, error = %s, detail = %s, milliseconds = %s WHERE id = %s
"""
# One statement, as most attempts end so; the cursor again before the delivery, which waits for its row.
_SUCCEEDED = """
WITH ended AS (
    UPDATE webhooks_attempt SET ended_at = %s, status = %s, error = %s, detail = %s, milliseconds = %s WHERE id = %s
), fit AS (
    UPDATE webhooks_cursor SET failures = 0, failing_since = NULL, rest_until = NULL, last_success_at = %s
     WHERE endpoint_id = %s RETURNING endpoint_id
), delivered AS (
    UPDATE webhooks_delivery AS delivery SET state = 'delivered', due_at = NULL, settled_at = %s
      FROM fit WHERE delivery.endpoint_id = fit.endpoint_id AND delivery.id = %s AND delivery.state = 'pending'
)
SELECT 1
"""
_WAKE = "UPDATE webhooks_delivery SET due_at = %s WHERE endpoint_id = %s AND state = 'pending' AND due_at > %s"
_FAILED = """
UPDATE webhooks_cursor
   SET failures = failures + 1, rest_until = %s, failing_since = coalesce(failing_since, %s)
 WHERE endpoint_id = %s AND lease = %s
RETURNING failing_since
"""
_PUT_OFF = """
UPDATE webhooks_delivery
   SET due_at = %s, state = CASE WHEN %s::timestamptz IS NULL THEN 'failed' ELSE 'pending' END,
       settled_at = CASE WHEN %s::timestamptz IS NULL THEN %s ELSE NULL::timestamptz END
 WHERE id = %s AND state = 'pending'
"""
_LOCK = "SELECT 1 FROM webhooks_cursor WHERE endpoint_id = %s AND lease = %s FOR NO KEY UPDATE"
_GIVE_BACK = """
UPDATE webhooks_cursor
   SET lease = NULL, lease_until = NULL,
       due_at = (SELECT CASE WHEN min(due_at) IS NOT NULL THEN GREATEST(min(due_at), webhooks_cursor.rest_until) END
                   FROM webhooks_delivery WHERE endpoint_id = webhooks_cursor.endpoint_id AND state = 'pending')
 WHERE endpoint_id = %s
"""
_PRUNE = """
WITH old AS (
    SELECT id FROM webhooks_delivery WHERE settled_at < %s ORDER BY settled_at LIMIT %s FOR UPDATE SKIP LOCKED
), attempts AS (
    DELETE FROM webhooks_attempt AS attempt USING old WHERE attempt.delivery_id = old.id
)
DELETE FROM webhooks_delivery AS delivery USING old WHERE delivery.id = old.id
"""
