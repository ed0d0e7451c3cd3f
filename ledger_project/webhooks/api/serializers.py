"""The shapes of webhooks and deliveries. They document; `webhooks.queries` makes what they show."""

from typing import Any

from rest_framework import serializers

from ledger_project.webhooks import queries
from ledger_project.webhooks.models import Delivery, Endpoint


class WebhookSerializer(serializers.Serializer[Endpoint]):
    """A URL that is told of events."""

    id = serializers.CharField()
    account = serializers.CharField(allow_null=True, help_text="The one account that it is told of; null is all.")
    url = serializers.CharField()
    types = serializers.ListField(child=serializers.CharField(), help_text="Exact types, `hold.*`, or `*`.")
    description = serializers.CharField()
    ordered = serializers.BooleanField(help_text="One event at a time; false: several are under way at once.")
    status = serializers.ChoiceField(["enabled", "disabled"])
    disabled_reason = serializers.ChoiceField(
        ["requested", "gone", "failing"],
        allow_null=True,
        help_text="`gone`: it answered 410. `failing`: nothing has reached it for days.",
    )
    disabled_at = serializers.DateTimeField(allow_null=True)
    secret_generation = serializers.IntegerField()
    secret_rotated_at = serializers.DateTimeField(
        allow_null=True, help_text="The secret before this one signs as well, for 24 hours from here."
    )
    created_at = serializers.DateTimeField()
    deleted_at = serializers.DateTimeField(allow_null=True)

    def to_representation(self, instance: Endpoint) -> dict[str, Any]:
        return queries.show_webhook(instance)


class WebhookStateSerializer(WebhookSerializer):
    """A webhook and how it fares."""

    next_log_index = serializers.IntegerField(
        allow_null=True, help_text="Where it reads on in the log; null until its own registration is sealed."
    )
    failing_since = serializers.DateTimeField(allow_null=True, help_text="No attempt has succeeded since.")
    last_success_at = serializers.DateTimeField(allow_null=True)
    public_key = serializers.CharField(allow_null=True, help_text="`whpk_…`: verifies every `v1a` signature.")


class AttemptSerializer(serializers.Serializer[Any]):
    """One try. Without an end, its worker was killed, or it is under way."""

    request_id = serializers.CharField(help_text="Sent as X-Request-ID.")
    url = serializers.CharField()
    started_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
    status = serializers.IntegerField(allow_null=True, help_text="The HTTP status that came back.")
    error = serializers.CharField(
        allow_null=True,
        help_text="Why none came: timeout, connection, tls, unresolvable_host, unsafe_url, unreadable_secret.",
    )
    detail = serializers.CharField(help_text="The beginning of the answer, or the error in words.")
    milliseconds = serializers.IntegerField(allow_null=True)


class DeliverySerializer(serializers.Serializer[Delivery]):
    """One event for one webhook. Its id is the `webhook-id` header of every attempt."""

    id = serializers.CharField()
    webhook = serializers.CharField()
    event = serializers.CharField()
    log_index = serializers.IntegerField()
    type = serializers.CharField()
    state = serializers.ChoiceField(Delivery.State.choices)
    next_attempt_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    settled_at = serializers.DateTimeField(allow_null=True)
    attempts = AttemptSerializer(many=True, help_text="The newest twenty, newest first.")

    def to_representation(self, instance: Delivery) -> dict[str, Any]:
        return queries.show_delivery(instance)


class RedeliverySerializer(serializers.Serializer[Any]):
    """A delivery that was made due again."""

    id = serializers.CharField()
    webhook = serializers.CharField()
    event = serializers.CharField()
    log_index = serializers.IntegerField()
    type = serializers.CharField()
    state = serializers.ChoiceField(["pending"])
