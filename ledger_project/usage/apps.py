from django.apps import AppConfig


class UsageConfig(AppConfig):
    name = "ledger_project.usage"
    label = "usage"

    def ready(self) -> None:
        from ledger_project.usage import commands, replay  # noqa: F401  (declares them)
