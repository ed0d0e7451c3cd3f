"""Coverage in Prometheus's words, as it was attested last; read from the database when it is asked for."""

from collections.abc import Iterator

from django.db import DatabaseError
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from reserves.summary import standings

RATIO = (
    "ledger_reserve_coverage_ratio",
    "Eligible reserves by what is owed, as attested last; absent where nothing is owed.",
)
AGE = "ledger_attestation_age_seconds", "How long ago the currency was attested last."
ASSETS = "ledger_reserve_assets", "Reserve assets by how the newest attestation has judged them."


class CoverageCollector(Collector):
    def describe(self) -> Iterator[Metric]:
        """Their names alone, so that registering reads nothing."""
        return iter([GaugeMetricFamily(name, says) for name, says in (RATIO, AGE, ASSETS)])

    def collect(self) -> Iterator[Metric]:
        try:
            found = standings()
        except DatabaseError:  # ledger_database_up says so
            return
        ratio = GaugeMetricFamily(*RATIO, labels=["tenant", "currency"])
        age = GaugeMetricFamily(*AGE, labels=["tenant", "currency"])
        assets = GaugeMetricFamily(*ASSETS, labels=["tenant", "currency", "status"])
        for each in found:
            whose = [each.tenant, each.currency]
            if each.owed:
                ratio.add_metric(whose, each.eligible / each.owed)
            age.add_metric(whose, each.age.total_seconds())
            for status, count in each.assets.items():
                assets.add_metric([*whose, status], count)
        yield from (ratio, age, assets)
