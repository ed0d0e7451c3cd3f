from django.apps import AppConfig


class ReservesConfig(AppConfig):
    name = "reserves"

    def ready(self) -> None:
        from reserves import commands  # noqa: F401  (declares them)
