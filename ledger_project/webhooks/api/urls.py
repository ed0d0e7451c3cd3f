"""The addresses of webhooks and of the event stream."""

from django.urls import path

from ledger_project.web.api.commands import Shape, path_of
from ledger_project.webhooks.api.serializers import RedeliverySerializer, WebhookSerializer
from ledger_project.webhooks.api.views import (
    PUBLIC_KEY,
    SECRET,
    DeliveryList,
    SecretView,
    WebhookDetail,
    WebhookList,
)
from ledger_project.webhooks.stream import EventStreamView

WEBHOOK: dict[str, Shape] = {"webhook": WebhookSerializer}
WITH_SECRET: dict[str, Shape] = {**WEBHOOK, "signing_secret": SECRET, "public_key": PUBLIC_KEY}
ONE = "v1/webhooks/<str:webhook>"

urlpatterns = [
    path("v1/events/stream", EventStreamView.as_view()),
    path_of("v1/webhooks", get=WebhookList, post="register_webhook", view=SecretView, makes=WITH_SECRET),
    path_of(ONE, get=WebhookDetail, patch="update_webhook", delete="delete_webhook", makes=WEBHOOK),
    path_of(f"{ONE}/rotate-secret", post="rotate_webhook_secret", view=SecretView, makes=WITH_SECRET),
    path_of(f"{ONE}/replay", post="replay_webhook", makes=WEBHOOK),
    path(f"{ONE}/deliveries", DeliveryList.as_view()),
    path_of(
        f"{ONE}/deliveries/<str:delivery>/redeliver",
        post="redeliver_webhook",
        makes={**WEBHOOK, "delivery": RedeliverySerializer},
    ),
]
