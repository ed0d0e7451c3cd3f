from django.apps import AppConfig


class WebConfig(AppConfig):
    name = "ledger_project.web"
    label = "web"
