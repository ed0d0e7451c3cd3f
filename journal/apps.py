from django.apps import AppConfig
from prometheus_client import REGISTRY


class JournalConfig(AppConfig):
    name = "journal"

    def ready(self) -> None:
        from journal import commands, replay, tallies  # noqa: F401  (declare commands and checks)
        from journal.metrics import ReconciliationCollector

        REGISTRY.register(ReconciliationCollector())
