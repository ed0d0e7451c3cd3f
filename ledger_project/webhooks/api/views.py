"""Webhooks over HTTP."""

from typing import Any

from django.db.models import QuerySet

from ledger_project.kernel.fields import ChoiceField, TextField
from ledger_project.log.caller import Caller
from ledger_project.log.executor import Done
from ledger_project.web.api.commands import CommandView
from ledger_project.web.api.filters import FieldFilter, ListFilters
from ledger_project.web.api.sight import Rows
from ledger_project.web.api.views import DetailView, ListView
from ledger_project.webhooks import queries
from ledger_project.webhooks.api.serializers import DeliverySerializer, WebhookStateSerializer
from ledger_project.webhooks.errors import WebhookNotFound
from ledger_project.webhooks.models import Delivery, Endpoint

SECRET = {
    "type": ["string", "null"],
    "description": (
        "`whsec_…`, shown this once: verifies the `v1` signatures. Null in a rehearsal and where the call was accepted"
        " before; whoever missed it rotates the secret."
    ),
}
PUBLIC_KEY = {"type": ["string", "null"], "description": "`whpk_…`: verifies every `v1a` signature."}


class WebhookList(ListView):
    """The tenant's webhooks, newest first."""

    for_account_keys = Rows("account")
    serializer_class = WebhookStateSerializer

    def get_queryset(self) -> "QuerySet[Endpoint]":
        return queries.webhooks(self.tenant)


class WebhookDetail(DetailView):
    """One webhook and how it fares."""

    for_account_keys = Rows("account")
    refuses = (WebhookNotFound,)
    serializer_class = WebhookStateSerializer

    def get_object(self) -> Endpoint:
        return queries.webhook(self.tenant, self.kwargs["webhook"])


class DeliveryFilters(ListFilters):
    state = FieldFilter(ChoiceField(tuple(Delivery.State.values)), "The state.", "state")
    type = FieldFilter(TextField(maximum=100), "The event's type.", "type")


class DeliveryList(ListView):
    """What a webhook was told, the newest events first; deliveries of long ago are forgotten."""

    for_account_keys = Rows("endpoint__account")
    refuses = (WebhookNotFound,)
    serializer_class = DeliverySerializer
    filterset_class = DeliveryFilters
    queryset = Delivery.objects.none()  # for who describes the view without an address
    ordering = "-log_index"

    def get_queryset(self) -> "QuerySet[Delivery]":
        webhook = queries.webhook(self.tenant, self.kwargs["webhook"])
        if self.account not in (None, webhook.account_id):
            raise self.missing()
        return queries.deliveries(webhook)


class SecretView(CommandView):
    """Commands that make a secret: it is shown to who made the call, and to nobody after."""

    def answer(self, done: Done, caller: Caller) -> dict[str, Any]:
        made = done.document["result"]["webhook"]
        shown = None if done.replayed or done.dry_run else queries.secret(made["id"], made["secret_generation"])
        return {**super().answer(done, caller), "signing_secret": shown, "public_key": queries.public_key()}
