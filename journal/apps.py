from django.apps import AppConfig


class JournalConfig(AppConfig):
    name = "journal"

    def ready(self) -> None:
        from journal import commands, replay, tallies  # noqa: F401  (declare commands and checks)
