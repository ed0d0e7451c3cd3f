"""Whose turn it is, which attempts begin, and what came of them, in rows.

A sender takes an endpoint with a lease and sends what is due to it, the oldest first (turns.py). An attempt is written
before it is made, and its outcome after. A worker that is killed in between leaves a lease that ends by itself; then
another sends the same events under the same ids once more. So every delivery is made at least once, and an endpoint has
one sender at a time.
"""

import logging
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction

from ledger_project.kernel import clock, ids
from ledger_project.log.executor import look, run
from ledger_project.log.wire import round_trip
from ledger_project.outbound.transport import Answer
from ledger_project.webhooks import schedule
from ledger_project.webhooks.errors import WebhookDisabled, WebhookNotFound

LEASE = timedelta(seconds=60)  # longer than any attempt, DNS included
SLOW = 1000  # milliseconds of its last attempt that make an endpoint slow
GONE = 410

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to send to one endpoint, until it ends or another sender has it."""

    endpoint: UUID
    token: UUID
    slow: bool = False


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
    ordered: bool


Answered = tuple[Due, Answer]


def claim(most: int, slow: int | None = None) -> list[Lease]:
    """Take endpoints that have something due, those that waited longest first; so many, and so many slow ones."""
    now = clock.now()
    token = uuid.uuid4()
    slow = most if slow is None else min(slow, most)
    wanted = (SLOW, True, now, now, slow), (SLOW, False, now, now, most)
    found = look(_CLAIM, (*wanted[0], *wanted[1], most, token, now + LEASE))
    return [Lease(endpoint, token, is_slow) for endpoint, is_slow in found]


def begin(lease: Lease, room: int, under_way: Collection[UUID] = (), accepted: Sequence[Answered] = ()) -> list[Due]:
    """Write which attempts were accepted, and that so many of the oldest begin; one trip, as most of a turn is this.

    None begin where nothing is due, or the lease is another's by now; and one at most, after those that are under way,
    where an endpoint asks for order or fails.
    """
    now = clock.now()
    statements: list[tuple[str, Sequence[Any]]] = []
    if accepted:
        dues, answers = [due for due, _ in accepted], [answer for _, answer in accepted]
        outcomes = (
            [due.attempt for due in dues],
            [answer.status for answer in answers],
            [answer.detail for answer in answers],
            [answer.milliseconds for answer in answers],
        )
        slowest = max(answer.milliseconds for answer in answers)
        delivered = [due.delivery for due in dues]
        statements.append((_ACCEPTED, (now, *outcomes, now, slowest, lease.endpoint, now, delivered)))
    if any(due.failures >= schedule.IN_ORDER for due, _ in accepted):
        statements.append((_WAKE, (now, lease.endpoint, now)))
    if room:
        attempts = [ids.make(now, n) for n in range(room)]
        lone = min(room, 1 - len(under_way))
        which = now, list(under_way), schedule.IN_ORDER, lone, room
        statements.append(
            (_BEGIN, (now + LEASE, lease.endpoint, lease.token, *which, lease.endpoint, attempts, now, attempts))
        )
    if not statements:
        return []
    connection.ensure_connection()
    results = round_trip(connection.connection, statements)
    return [Due(*record) for record in results[-1]] if room else []


def fail(lease: Lease, due: Due, answer: Answer) -> bool:
    """Write that an attempt was not accepted; whether the endpoint is fit for the next one nevertheless."""
    now = clock.now()
    delay = schedule.next_attempt(due.attempts)
    wish = schedule.wish(answer.headers or {}, now)
    due_at = None if delay is None else now + max(delay, wish)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_ENDED, (now, answer.status, answer.error, answer.detail, answer.milliseconds, due.attempt))
        cursor.execute(_FAILED, (now, answer.milliseconds, lease.endpoint, lease.token))
        failing = cursor.fetchone()
        if failing is None:  # another sender has this delivery now, and its attempt decides
            return False
        failures, since = failing
        rest = max(wish, schedule.rest(due.attempts, failures, delay, ordered=due.ordered))
        cursor.execute(_REST, (now + rest, lease.endpoint))
        cursor.execute(_PUT_OFF, (due_at, due_at, due_at, now, due.delivery))
    _disable_if_hopeless(lease.endpoint, due, answer, now - since)
    return not rest and answer.status != GONE


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


_LONGEST_DUE = """
    SELECT cursor.endpoint_id, cursor.due_at
      FROM webhooks_cursor AS cursor JOIN webhooks_endpoint AS endpoint ON endpoint.id = cursor.endpoint_id
     WHERE (coalesce(cursor.milliseconds, 0) >= %s) = %s
       AND cursor.due_at <= %s AND (cursor.lease_until IS NULL OR cursor.lease_until <= %s)
       AND endpoint.enabled AND endpoint.deleted_at IS NULL
     ORDER BY cursor.due_at LIMIT %s
       FOR NO KEY UPDATE OF cursor SKIP LOCKED
"""
_CLAIM = f"""
WITH slow AS ({_LONGEST_DUE}), prompt AS ({_LONGEST_DUE}), longest AS (
    SELECT endpoint_id, true AS slow, due_at FROM slow UNION ALL SELECT endpoint_id, false, due_at FROM prompt
     ORDER BY due_at LIMIT %s
)
UPDATE webhooks_cursor AS cursor SET lease = %s, lease_until = %s
  FROM longest WHERE cursor.endpoint_id = longest.endpoint_id
RETURNING cursor.endpoint_id, longest.slow
"""
# Cursor before delivery, as commands lock them.
_BEGIN = """
WITH held AS (
    UPDATE webhooks_cursor SET lease_until = %s WHERE endpoint_id = %s AND lease = %s
    RETURNING endpoint_id, failures
), next AS (
    SELECT delivery.id, delivery.log_index, row_number() OVER (ORDER BY delivery.log_index) AS place, held.failures,
           endpoint.account_id, endpoint.url, endpoint.generation, endpoint.rotated_at, endpoint.ordered
      FROM held
      JOIN webhooks_endpoint AS endpoint ON endpoint.id = held.endpoint_id
      JOIN LATERAL (SELECT id, log_index FROM webhooks_delivery
                     WHERE endpoint_id = held.endpoint_id AND state = 'pending' AND due_at <= %s
                       AND id <> ALL(%s::uuid[])
                     ORDER BY log_index
                     LIMIT greatest(0, CASE WHEN endpoint.ordered OR held.failures >= %s THEN %s ELSE %s END)
           ) AS delivery ON true
     WHERE endpoint.id = %s AND endpoint.enabled AND endpoint.deleted_at IS NULL
), counted AS (
    UPDATE webhooks_delivery AS delivery SET attempts = delivery.attempts + 1
      FROM next WHERE delivery.id = next.id AND delivery.state = 'pending'
    RETURNING next.place, next.log_index, delivery.id, delivery.event, delivery.attempts, next.failures,
              delivery.tenant_id, next.account_id, next.url, next.generation, next.rotated_at, next.ordered
), begun AS (
    INSERT INTO webhooks_attempt (id, delivery_id, tenant_id, url, started_at, error, detail)
    SELECT (%s::uuid[])[place], id, tenant_id, url, %s, '', '' FROM counted
)
SELECT (%s::uuid[])[place], id, event, attempts, failures, tenant_id, account_id, url, generation, rotated_at, ordered
  FROM counted ORDER BY log_index
"""
_ENDED = """
UPDATE webhooks_attempt SET ended_at = %s, status = %s, error = %s, detail = %s, milliseconds = %s WHERE id = %s
"""
# The cursor again before the deliveries, which wait for its row.
_ACCEPTED = """
WITH ended AS (
    UPDATE webhooks_attempt AS attempt
       SET ended_at = %s, status = new.status, detail = new.detail, milliseconds = new.milliseconds
      FROM unnest(%s::uuid[], %s::smallint[], %s::text[], %s::integer[]) AS new (id, status, detail, milliseconds)
     WHERE attempt.id = new.id
), fit AS (
    UPDATE webhooks_cursor
       SET failures = 0, failing_since = NULL, rest_until = NULL, last_success_at = %s, milliseconds = %s
     WHERE endpoint_id = %s RETURNING endpoint_id
)
UPDATE webhooks_delivery AS delivery SET state = 'delivered', due_at = NULL, settled_at = %s
  FROM fit WHERE delivery.endpoint_id = fit.endpoint_id AND delivery.id = ANY(%s::uuid[]) AND delivery.state = 'pending'
"""
_WAKE = "UPDATE webhooks_delivery SET due_at = %s WHERE endpoint_id = %s AND state = 'pending' AND due_at > %s"
_FAILED = """
UPDATE webhooks_cursor
   SET failures = failures + 1, failing_since = coalesce(failing_since, %s), milliseconds = %s
 WHERE endpoint_id = %s AND lease = %s
RETURNING failures, failing_since
"""
_REST = "UPDATE webhooks_cursor SET rest_until = %s WHERE endpoint_id = %s"
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
