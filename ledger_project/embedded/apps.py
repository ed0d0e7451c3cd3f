from django.apps import AppConfig


class EmbeddedConfig(AppConfig):
    name = "ledger_project.embedded"
    label = "embedded"
    verbose_name = "Embedded servers"
