from django.apps import AppConfig


class HoldsConfig(AppConfig):
    name = "holds"

    def ready(self) -> None:
        from holds import commands, replay  # noqa: F401  (declares them)
