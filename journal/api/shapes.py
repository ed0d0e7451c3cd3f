"""The shapes of what the verbs make besides entries. They document; what makes the values stands beside each."""

from typing import Any

from rest_framework import serializers

from accounts.api.serializers import MinorUnits
from journal.models import ClearingAccount, PromoGrant
from journal.promo import GRANTS, KINDS
from ledger_project.kernel import clock, ids
from ledger_project.kernel.fields import nullable
from ledger_project.web.api.openapi import ref

SESSION_KEY = nullable(ref("SessionKey"))  # of a spend that named none: null
PROMO_USES = {"type": "array", "items": ref("PromoUse")}


class Made(serializers.Serializer[Any]):
    """What is shown as it was made."""

    def to_representation(self, instance: dict[str, Any]) -> dict[str, Any]:
        return instance


class PromoUseSerializer(Made):
    """A part of a grant of promotional money."""

    grant = serializers.CharField()
    amount = MinorUnits()


class PromoGrantSerializer(serializers.Serializer[PromoGrant]):
    """Money that was granted at once, and what became of it."""

    id = serializers.CharField()
    account = serializers.CharField()
    kind = serializers.ChoiceField(KINDS, help_text="Given away, or paid for beforehand.")
    amount = MinorUnits()
    spent = MinorUnits()
    held = MinorUnits(help_text="In open holds.")
    burned = MinorUnits(help_text="Taken back, expired or rolled over.")
    left = MinorUnits()
    priority = serializers.IntegerField(help_text="The lowest is used first; then the one that expires first.")
    starts_at = serializers.DateTimeField(allow_null=True, help_text="Until then it is not spendable.")
    expires_at = serializers.DateTimeField(allow_null=True, help_text="From then on it is not spendable.")
    models = serializers.ListField(
        child=serializers.CharField(), allow_null=True, help_text="Patterns of the models that it is for; null: all."
    )
    automatic = serializers.BooleanField(help_text="Whether it pays without being asked for.")
    voided_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()

    def to_representation(self, instance: PromoGrant) -> dict[str, Any]:
        return GRANTS.of(instance).document()


class RefundSerializer(Made):
    """A refund, and what was given back of its entry in all."""

    entry = serializers.CharField(help_text="The entry that paid.")
    original = MinorUnits(help_text="What it paid.")
    refunded = MinorUnits(help_text="By this refund and those before it.")
    left = MinorUnits()
    amount = MinorUnits()
    promo = PromoUseSerializer(many=True, help_text="Promotional money that went back into its grants.")


class Recorded(Made):
    """What the billing records have in common."""

    amount = MinorUnits()
    currency = serializers.CharField()


class PaymentSerializer(Recorded):
    """A customer's payment."""

    payment_intent_id = serializers.CharField()
    customer_id = serializers.CharField()
    fees = MinorUnits()


class PaymentRefundSerializer(Recorded):
    """Money given back to a customer."""

    refund_id = serializers.CharField()
    customer_id = serializers.CharField()
    payment_intent_id = serializers.CharField(required=False, help_text="The payment that it counts against.")


class PayoutSerializer(Recorded):
    """Money paid out to a merchant."""

    payout_id = serializers.CharField()
    merchant_id = serializers.CharField()


class DisputeSerializer(Recorded):
    """Money that a customer's dispute holds back."""

    dispute_id = serializers.CharField()
    customer_id = serializers.CharField()


class ClearingAccountSerializer(serializers.Serializer[ClearingAccount]):
    """A domain's clearing account in one currency."""

    domain = serializers.CharField()
    currency = serializers.CharField()
    account = serializers.CharField()
    name = serializers.CharField()
    settled_at = serializers.DateTimeField(allow_null=True, help_text="When a batch last settled any of it.")

    def to_representation(self, instance: ClearingAccount) -> dict[str, Any]:
        return {
            "domain": instance.domain,
            "currency": instance.currency,
            "account": ids.show("acc", instance.account_id),
            "name": instance.account.name,
            "settled_at": instance.settled_at and clock.stamp(instance.settled_at),
        }


class WindowSerializer(Made):
    """The times between which a batch settled; null where it had no bound."""

    to = serializers.DateTimeField(allow_null=True)

    def get_fields(self) -> dict[str, Any]:
        return {"from": serializers.DateTimeField(allow_null=True), **super().get_fields()}


class PositionSerializer(Made):
    """What one clearing account came to."""

    domain = serializers.CharField()
    account = serializers.CharField()
    currency = serializers.CharField()
    net = MinorUnits(help_text="Above zero it was owed to the domain, below zero by it.")
    postings = serializers.IntegerField()


class SettlementSerializer(Made):
    """A settled batch with the position of each clearing account."""

    id = serializers.CharField()
    netting_batch_id = serializers.CharField()
    window = WindowSerializer()
    entry = serializers.CharField(allow_null=True, help_text="Null where the positions cancelled out.")
    positions = PositionSerializer(many=True)
    recorded_at = serializers.DateTimeField()


class SettledSerializer(Made):
    """A batch that was settled just now."""

    id = serializers.CharField()
    netting_batch_id = serializers.CharField()
    window = WindowSerializer()
    positions = PositionSerializer(many=True)
    ranges = serializers.ListField(
        child=serializers.ListField(), help_text="Account, stripe, first version less one, last version, net, postings."
    )
    more = serializers.BooleanField(help_text="There may be further entries, beyond what one batch takes on.")
