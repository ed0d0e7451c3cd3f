"""The dashboard's tile about webhooks."""

from ledger_project.web.backoffice import html
from ledger_project.web.backoffice.tiles import Number, NumberTile, count_up_to, tile
from ledger_project.webhooks.models import Endpoint


@tile
class FailingWebhooks(NumberTile):
    title, permission, order = "Failing webhooks", "webhooks.view_endpoint", 60

    def number(self) -> Number:
        """Those that no attempt reaches, and those that were disabled because none did."""
        live = Endpoint.objects.filter(deleted_at__isnull=True)
        failing = live.filter(enabled=True, cursor__failing_since__isnull=False)
        ended = live.filter(enabled=False, disabled_reason__in=["gone", "failing"])
        count, disabled = count_up_to(failing), count_up_to(ended)
        tone = "good" if count == disabled == "0" else "bad"
        return Number(count, f"and {disabled} disabled for it", tone=tone, href=html.list_url("webhooks.endpoint"))
