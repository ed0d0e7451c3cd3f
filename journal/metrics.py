"""Reconciliations in Prometheus's words; read from the database when they are asked for."""

from collections.abc import Iterator

from django.db import DatabaseError
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from journal.reconciliation.summary import standing

AGE = "ledger_reconciliation_age_seconds", "How long ago a reconciliation ended last; absent where none ever has."
MISMATCHES = "ledger_reconciliation_mismatches", "Differences that the newest reconciliation of each tenant found."


class ReconciliationCollector(Collector):
    def describe(self) -> Iterator[Metric]:
        """Their names alone, so that registering reads nothing."""
        return iter([GaugeMetricFamily(name, says) for name, says in (AGE, MISMATCHES)])

    def collect(self) -> Iterator[Metric]:
        try:
            found = standing()
        except DatabaseError:  # the other metrics say so
            return
        if found.age is not None:
            yield GaugeMetricFamily(*AGE, value=found.age.total_seconds())
        mismatches = GaugeMetricFamily(*MISMATCHES, labels=["check"])
        for check, differences in found.by_check.items():
            mismatches.add_metric([check], differences)
        yield mismatches
