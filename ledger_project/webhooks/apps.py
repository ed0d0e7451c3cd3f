from django.apps import AppConfig


class WebhooksConfig(AppConfig):
    name = "ledger_project.webhooks"
    label = "webhooks"

    def ready(self) -> None:
        from ledger_project.webhooks import commands  # noqa: F401  (declares them)
