from django.apps import AppConfig
from prometheus_client import REGISTRY


class ReservesConfig(AppConfig):
    name = "reserves"

    def ready(self) -> None:
        from reserves import commands, replay  # noqa: F401  (declares them)
        from reserves.metrics import CoverageCollector

        REGISTRY.register(CoverageCollector())
