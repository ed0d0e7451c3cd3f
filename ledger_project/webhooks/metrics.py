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
FAILING = "ledger_webhooks_failing", "Enabled webhooks whose last attempt failed."
BEHIND = "ledger_event_stream_behind", "Sealed events that are not in the Redis stream yet."


class WebhookCollector(Collector):
    def describe(self) -> Iterator[Metric]:
        """Their names alone, so that registering reads nothing."""
        return iter([GaugeMetricFamily(name, says) for name, says in (PENDING, OVERDUE, FAILING, BEHIND)])

    def collect(self) -> Iterator[Metric]:
        try:
            ((pending, overdue, failing, published),) = look(_STATE, ())
            head = feed.head()
        except DatabaseError:  # ledger_database_up says so
            return
        yield GaugeMetricFamily(*PENDING, value=pending)
        yield GaugeMetricFamily(*OVERDUE, value=overdue)
        yield GaugeMetricFamily(*FAILING, value=failing)
        yield GaugeMetricFamily(*BEHIND, value=max(0, head + 1 - published))


_STATE = """
WITH live AS (
    SELECT cursor.due_at, cursor.failing_since
      FROM webhooks_cursor AS cursor JOIN webhooks_endpoint AS endpoint ON endpoint.id = cursor.endpoint_id
     WHERE endpoint.enabled AND endpoint.deleted_at IS NULL
)
SELECT (SELECT count(*) FROM webhooks_delivery WHERE state = 'pending'),
       (SELECT greatest(0, coalesce(extract(epoch FROM clock_timestamp() - min(due_at)), 0))::integer FROM live),
       (SELECT count(*) FROM live WHERE failing_since IS NOT NULL),
       (SELECT next_index FROM webhooks_outlet WHERE name = 'redis')
"""
