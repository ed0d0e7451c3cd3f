"""The shapes of promised money. They document; `holds.queries` makes what they show."""

from typing import Any

from rest_framework import serializers

from accounts.api.serializers import MinorUnits
from holds import queries
from holds.models import Deposit, Hold


class PromiseSerializer(serializers.Serializer[Hold]):
    """What holds of every kind have."""

    id = serializers.CharField()
    account = serializers.CharField(help_text="Whose money it is.")
    counterparty = serializers.CharField(allow_null=True, help_text="Who it is for.")
    currency = serializers.CharField()
    amount = MinorUnits()
    captured = MinorUnits(help_text="What has left the account.")
    released = MinorUnits(help_text="What has gone back to it.")
    remaining = MinorUnits()
    expires_at = serializers.DateTimeField(
        allow_null=True, help_text="From then on it counts as expired, whether or not its money has gone back yet."
    )
    reason = serializers.CharField()
    references = serializers.DictField(child=serializers.CharField())
    session_key = serializers.CharField(allow_null=True, help_text="Whose caps it counts against.")
    budgets = serializers.ListField(
        child=serializers.DictField(), help_text="The budgets that permitted it, each with the window it counts in."
    )
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()

    def to_representation(self, instance: Hold) -> dict[str, Any]:
        return queries.show_hold(instance)


class HoldSerializer(PromiseSerializer):
    """Money set aside until it is captured, released or expired."""

    kind = serializers.ChoiceField(["hold"])
    status = serializers.ChoiceField(["pending", "captured", "released", "expired"])
    allow_overcapture = serializers.BooleanField()
    overcaptured = MinorUnits(help_text="What the last capture took beyond the hold.")
    order_id = serializers.CharField(allow_null=True, help_text="Of the latest capture that named one.")
    captured_entry = serializers.CharField(allow_null=True, help_text="The latest capture's entry.")


class EscrowSerializer(PromiseSerializer):
    """A buyer's money, locked for a seller."""

    kind = serializers.ChoiceField(["escrow"])
    status = serializers.ChoiceField(["pending", "disputed", "released", "refunded", "resolved", "expired"])
    on_timeout = serializers.ChoiceField(["refund", "release"])


class StakeSerializer(PromiseSerializer):
    """Bonded money, which can be slashed."""

    kind = serializers.ChoiceField(["stake"])
    status = serializers.ChoiceField(["pending", "released", "slashed"])


class WithdrawalSerializer(PromiseSerializer):
    """Money on its way out."""

    kind = serializers.ChoiceField(["withdrawal"])
    status = serializers.ChoiceField(["pending", "confirmed", "failed"])
    destination = serializers.CharField()
    external_ref = serializers.CharField(allow_null=True, help_text="What it was paid under, such as a hash.")


class DepositSerializer(serializers.Serializer[Deposit]):
    """Money that comes in from outside."""

    id = serializers.CharField()
    account = serializers.CharField()
    currency = serializers.CharField()
    amount = MinorUnits()
    pending = MinorUnits(help_text="The amount, while it is announced.")
    source = serializers.CharField()  # type: ignore[assignment]
    external_ref = serializers.CharField()
    status = serializers.ChoiceField(["announced", "failed", "confirmed"])
    reason = serializers.CharField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()

    def to_representation(self, instance: Deposit) -> dict[str, Any]:
        return queries.show_deposit(instance)
