from django.apps import AppConfig
from prometheus_client import REGISTRY


class JournalConfig(AppConfig):
    name = "journal"

    def ready(self) -> None:
        from journal import checks, commands, rebuilding, replay  # noqa: F401  (declare commands and checks)
        from journal.external import replay as external  # noqa: F401
        from journal.metrics import ReconciliationCollector
        from journal.reconciliation import replay as reconciliation  # noqa: F401
        from journal.statements import replay as statements  # noqa: F401

        REGISTRY.register(ReconciliationCollector())
