from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.module_loading import autodiscover_modules
from prometheus_client import GC_COLLECTOR, PLATFORM_COLLECTOR, PROCESS_COLLECTOR, REGISTRY


class WebConfig(AppConfig):
    name = "ledger_project.web"
    label = "web"

    def ready(self) -> None:
        from ledger_project.web import (
            replay,  # noqa: F401  (declares Django's own tables)
            secret_key,  # noqa: F401  (registers its check)
        )
        from ledger_project.web.backoffice.plain_admin import register_the_rest
        from ledger_project.web.backoffice.staff import settle_permissions

        # After django.contrib.auth's own, which makes the permissions of the models.
        post_migrate.connect(settle_permissions, dispatch_uid="settle_permissions")
        # They speak of one process, whichever happens to be asked, and would be taken for the server's.
        for collector in (PROCESS_COLLECTOR, PLATFORM_COLLECTOR, GC_COLLECTOR):
            REGISTRY.unregister(collector)
        autodiscover_modules("tiles")
        register_the_rest()
