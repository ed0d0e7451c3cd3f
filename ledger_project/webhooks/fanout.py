"""From the sealed log to deliveries: each endpoint reads the log with a cursor of its own.

New deliveries and the cursor behind them are one transaction, so an event is neither left out nor made twice. The log
is the queue: of an endpoint that does not keep up only `MOST_PENDING` deliveries exist, the rest waits in the log.
"""

from hashlib import sha256
from uuid import UUID

from django.db import connection, transaction

from ledger_project.kernel import clock, ids
from ledger_project.log import documents, feed
from ledger_project.log.each import Each
from ledger_project.log.executor import look
from ledger_project.log.feed import Headline
from ledger_project.webhooks import subscriptions

PAGE = 500  # events that an endpoint reads at once
MOST_PENDING = 1000  # deliveries of one endpoint
MOST_ENDPOINTS = 500  # of one round; the others have the next


def spread(each: Each) -> int:
    """Make deliveries of what was sealed since; how many endpoints had something to read, and could be served."""
    behind = look(_BEHIND, (MOST_PENDING, MOST_PENDING, MOST_ENDPOINTS))
    return len(each.serve([endpoint for (endpoint,) in behind], spread_to))


def spread_to(endpoint: UUID) -> None:
    """Take one endpoint a page further, unless somebody else is at it."""
    with transaction.atomic():
        cursors = look(_CURSOR, (endpoint,))
        if not cursors:
            return
        ((tenant, account, types, next_index),) = cursors
        events = feed.headlines(next_index - 1, PAGE, tenant)
        if not events:
            return
        wanted = [each for each in events if subscriptions.matches(types, subscriptions.names(each.command, each.type))]
        if account is not None:
            wanted = _concerning(wanted, ids.show("acc", account))
        now = clock.now()
        with connection.cursor() as cursor:
            if wanted:
                columns = (
                    [delivery_id(endpoint, each.event_id) for each in wanted],
                    [each.event_id for each in wanted],
                    [each.log_index for each in wanted],
                    [each.type for each in wanted],
                )
                cursor.execute(_DELIVERIES, (tenant, endpoint, now, now, *columns))
            cursor.execute(_ADVANCE, (events[-1].log_index + 1, bool(wanted), now, endpoint))


def _concerning(events: list[Headline], account: str) -> list[Headline]:
    """Those that concern the account."""
    found = documents.read([each.event_id for each in events], look) if events else {}
    return [each for each in events if documents.concerns(found[each.event_id][0], account)]


def delivery_id(endpoint: UUID, event: UUID) -> UUID:
    """The same for the same two, for ever: what the receiver knows repetitions by."""
    digest = sha256(b"webhook delivery\0" + endpoint.bytes + event.bytes).digest()
    return UUID(bytes=digest[:16])


_BEHIND = """
SELECT cursor.endpoint_id
  FROM webhooks_cursor AS cursor JOIN webhooks_endpoint AS endpoint ON endpoint.id = cursor.endpoint_id
 WHERE endpoint.enabled AND endpoint.deleted_at IS NULL
   AND CASE WHEN cursor.next_index IS NULL
            THEN EXISTS (SELECT FROM log_leaf AS leaf WHERE leaf.event_id = endpoint.id)
            ELSE EXISTS (SELECT FROM log_leaf AS leaf
                          WHERE leaf.tenant_id = endpoint.tenant_id AND leaf.log_index >= cursor.next_index)
       END
   AND %s > (SELECT count(*)
               FROM (SELECT FROM webhooks_delivery AS delivery
                      WHERE delivery.endpoint_id = endpoint.id AND delivery.state = 'pending' LIMIT %s) AS pending)
 LIMIT %s
"""
# The endpoint is shared, so it is not deleted or disabled meanwhile; the cursor is ours until the commit.
_CURSOR = """
SELECT endpoint.tenant_id, endpoint.account_id, endpoint.types,
       coalesce(cursor.next_index, (SELECT log_index FROM log_leaf WHERE event_id = endpoint.id))
  FROM webhooks_cursor AS cursor JOIN webhooks_endpoint AS endpoint ON endpoint.id = cursor.endpoint_id
 WHERE cursor.endpoint_id = %s AND endpoint.enabled AND endpoint.deleted_at IS NULL
   AND (cursor.next_index IS NOT NULL OR EXISTS (SELECT FROM log_leaf WHERE event_id = endpoint.id))
   FOR SHARE OF endpoint SKIP LOCKED FOR NO KEY UPDATE OF cursor SKIP LOCKED
"""
# Only a replay finds deliveries that are there already: it makes them due once more.
_DELIVERIES = """
INSERT INTO webhooks_delivery
       (tenant_id, endpoint_id, created_at, due_at, id, event, log_index, type, state, attempts)
SELECT %s, %s, %s, %s, id, event, log_index, type, 'pending', 0
  FROM unnest(%s::uuid[], %s::uuid[], %s::bigint[], %s::text[]) AS new (id, event, log_index, type)
    ON CONFLICT (endpoint_id, log_index) DO UPDATE
       SET state = 'pending', attempts = 0, due_at = excluded.due_at, settled_at = NULL
"""
_ADVANCE = """
UPDATE webhooks_cursor
   SET next_index = %s,
       due_at = CASE WHEN %s THEN LEAST(due_at, GREATEST(rest_until, %s::timestamptz)) ELSE due_at END
 WHERE endpoint_id = %s
"""
