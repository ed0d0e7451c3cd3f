"""Webhooks in Prometheus's words; read from the database when they are asked for."""

from collections.abc import Iterator

from django.db import DatabaseError
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from ledger_project.log import feed
from ledger_project.log.executor import look

PENDING = "ledger_webhook_deliveries_pending", "Deliveries that are due now or later."
OVERDUE = "ledger_webhook_overdue_seconds", "How long the endpoint that waits longest has been due."
LAG = "ledger_webhook_lag_seconds", "Age of the oldest sealed event that a healthy endpoint has not been told of."
FAILING = "ledger_webhooks_failing", "Enabled webhooks whose last attempt failed."
BEHIND = "ledger_event_stream_behind", "Sealed events that are not in the Redis stream yet."


class WebhookCollector(Collector):
    def describe(self) -> Iterator[Metric]:
        """Their names alone, so that registering reads nothing."""
        return iter([GaugeMetricFamily(name, says) for name, says in (PENDING, OVERDUE, LAG, FAILING, BEHIND)])

    def collect(self) -> Iterator[Metric]:
        try:
            ((pending, overdue, lag, failing, published),) = look(_STATE, ())
            head = feed.head()
        except DatabaseError:  # ledger_database_up says so
            return
        yield GaugeMetricFamily(*PENDING, value=pending)
        yield GaugeMetricFamily(*OVERDUE, value=overdue)
        yield GaugeMetricFamily(*LAG, value=lag)
        yield GaugeMetricFamily(*FAILING, value=failing)
        yield GaugeMetricFamily(*BEHIND, value=max(0, head + 1 - published))


# An endpoint that fails, and an event that one has refused, wait for themselves: only what nobody has tried is late.
_STATE = """
WITH live AS (
    SELECT endpoint.id, endpoint.tenant_id, cursor.next_index, cursor.due_at, cursor.failing_since
      FROM webhooks_cursor AS cursor JOIN webhooks_endpoint AS endpoint ON endpoint.id = cursor.endpoint_id
     WHERE endpoint.enabled AND endpoint.deleted_at IS NULL
), untold AS (
    SELECT pending.event AS id
      FROM live
     CROSS JOIN LATERAL (SELECT event FROM webhooks_delivery
                          WHERE endpoint_id = live.id AND state = 'pending' AND attempts < 2
                            AND due_at <= clock_timestamp()
                          ORDER BY log_index LIMIT 1) AS pending
     WHERE failing_since IS NULL
    UNION ALL
    SELECT unread.event_id
      FROM live
     CROSS JOIN LATERAL (SELECT event_id FROM log_leaf
                          WHERE tenant_id = live.tenant_id AND log_index >= live.next_index
                          ORDER BY log_index LIMIT 1) AS unread
     WHERE failing_since IS NULL
)
SELECT (SELECT count(*) FROM webhooks_delivery WHERE state = 'pending'),
       (SELECT greatest(0, coalesce(extract(epoch FROM clock_timestamp() - min(due_at)), 0))::integer FROM live),
       (SELECT greatest(0, coalesce(extract(epoch FROM clock_timestamp() - min(recorded_at)), 0))::double precision
          FROM untold JOIN log_event AS event USING (id)),
       (SELECT count(*) FROM live WHERE failing_since IS NOT NULL),
       (SELECT next_index FROM webhooks_outlet WHERE name = 'redis')
"""
