from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.module_loading import autodiscover_modules


class WebConfig(AppConfig):
    name = "ledger_project.web"
    label = "web"

    def ready(self) -> None:
        from ledger_project.web.plain_admin import register_the_rest
        from ledger_project.web.staff import settle_permissions

        # After django.contrib.auth's own, which makes the permissions of the models.
        post_migrate.connect(settle_permissions, dispatch_uid="settle_permissions")
        autodiscover_modules("panels")
        register_the_rest()
