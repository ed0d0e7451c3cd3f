from django.apps import AppConfig
from prometheus_client import REGISTRY


class WebhooksConfig(AppConfig):
    name = "ledger_project.webhooks"
    label = "webhooks"

    def ready(self) -> None:
        from ledger_project.webhooks import checks, commands, replay  # noqa: F401  (declares them)
        from ledger_project.webhooks.metrics import WebhookCollector

        REGISTRY.register(WebhookCollector())
