"""The back office's Django app; its site is in `web/backoffice/site.py`."""

from django.contrib.admin.apps import AdminConfig


class LedgerAdminConfig(AdminConfig):
    default_site = "ledger_project.web.backoffice.site.LedgerAdminSite"
