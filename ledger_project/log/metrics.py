"""The sealed log in Prometheus's words; read from the database when they are asked for."""

from collections.abc import Iterator

import psycopg
from django.db import DatabaseError
from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from ledger_project.log import each, status

UP = "ledger_database_up", "0 if the database does not answer; what is read from it is missing then."
SIZE = "ledger_log_size", "Leaves of the sealed log."
LAG = "ledger_sealing_lag_seconds", "How long the oldest event that is not sealed has been waiting."
FINDINGS = "ledger_sealing_findings", "Open findings of the sealer and of the nightly check."
FENCED = "ledger_fenced", "1 if this database may be a copy of one that goes on: it sends and seals nothing."
STALE = "ledger_anchor_stale", "1 if a checkpoint has been waiting for this place for too long."
FAILURES = "ledger_task_failures", "How often a task has failed for one of those that it works for."


class LogCollector(Collector):
    def describe(self) -> Iterator[Metric]:
        """Their names alone, so that registering reads nothing."""
        yield CounterMetricFamily(*FAILURES)
        yield from ([GaugeMetricFamily(name, says) for name, says in (UP, SIZE, LAG, FINDINGS, FENCED, STALE)])

    def collect(self) -> Iterator[Metric]:
        failures = CounterMetricFamily(*FAILURES, labels=["task"])
        for task, count in each.failures().items():
            failures.add_metric([task], count)
        yield failures
        try:
            found = status.status()
        except (DatabaseError, psycopg.Error):
            yield GaugeMetricFamily(*UP, value=0)
            return
        yield GaugeMetricFamily(*UP, value=1)
        yield GaugeMetricFamily(*SIZE, value=found.size)
        yield GaugeMetricFamily(*LAG, value=found.lag.total_seconds())
        findings = GaugeMetricFamily(*FINDINGS, labels=["kind"])
        for kind, count in found.findings.items():
            findings.add_metric([kind], count)
        yield findings
        yield GaugeMetricFamily(*FENCED, value=int(found.fenced is not None))
        stale = GaugeMetricFamily(*STALE, labels=["sink"])
        for anchor in found.anchors:
            stale.add_metric([anchor.sink], int(anchor.stale))
        yield stale
