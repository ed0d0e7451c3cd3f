"""The shapes of accounts, balances, currencies and events. They document; `accounts.queries` makes what they show."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts import answers, queries
from accounts.models import Account, BalanceTotal, Currency
from ledger_project.kernel import clock, ids
from ledger_project.log.models import Event


@extend_schema_field({"type": "string", "format": "minor-units", "pattern": "^-?(0|[1-9][0-9]*)$", "example": "100"})
class MinorUnits(serializers.CharField):
    """A whole number of minor units, as a string."""


class CurrencySerializer(serializers.Serializer[Currency]):
    """A unit of account; `scale` is how many decimals its minor unit stands for."""

    code = serializers.CharField()
    scale = serializers.IntegerField()
    name = serializers.CharField()
    created_at = serializers.DateTimeField()

    def to_representation(self, instance: Currency) -> dict[str, Any]:
        return queries.show_currency(instance)


class BucketsSerializer(serializers.Serializer[Any]):
    """Amounts by bucket, in the normal direction of their account."""

    available = MinorUnits(help_text="Can be spent.")
    held = MinorUnits(help_text="Promised by a hold or a withdrawal under way.")
    escrowed = MinorUnits(help_text="Locked for a seller until release or refund.")
    bonded = MinorUnits(help_text="Staked; can be slashed.")
    fee_pool = MinorUnits(help_text="Fees collected, neither transferred nor burnt.")
    promo = MinorUnits(help_text="Promotional credit: spendable, never redeemable.")
    credit_used = MinorUnits(help_text="Drawn from the credit line.")


class BalanceSerializer(BucketsSerializer):
    """What an account has. An unbounded account's balance is the sum of its stripes."""

    account = serializers.CharField()
    name = serializers.CharField()
    currency = serializers.CharField()
    scale = serializers.IntegerField()
    status = serializers.ChoiceField(["open", "frozen", "closed"])
    credit_limit = MinorUnits()
    posted = MinorUnits(help_text="All that is the account's own: its buckets less the credit it drew.")
    total_in = MinorUnits()
    total_out = MinorUnits()
    version = serializers.IntegerField(help_text="How many postings the account has.")
    as_of = serializers.DateTimeField()

    def to_representation(self, instance: BalanceTotal) -> dict[str, Any]:
        return queries.show_balance(instance)


class BalanceGroupSerializer(BucketsSerializer):
    """Balances of one currency and normal side, summed by what `group_by` asked for."""

    group = serializers.CharField()
    normal_balance = serializers.ChoiceField(["debit", "credit"])
    currency = serializers.CharField()
    scale = serializers.IntegerField()
    accounts = serializers.IntegerField()
    posted = MinorUnits()
    total_in = MinorUnits()
    total_out = MinorUnits()
    as_of = serializers.DateTimeField()

    def to_representation(self, instance: dict[str, Any]) -> dict[str, Any]:
        return instance


class AccountSerializer(serializers.Serializer[BalanceTotal]):
    """An account and what it has."""

    id = serializers.CharField()
    name = serializers.CharField()
    type = serializers.ChoiceField(Account.Type.choices)
    normal_balance = serializers.ChoiceField(["debit", "credit"])
    currency = serializers.CharField()
    scale = serializers.IntegerField()
    unbounded = serializers.BooleanField()
    metadata = serializers.DictField()
    created_at = serializers.DateTimeField()
    status = serializers.ChoiceField(["open", "frozen", "closed"])
    balance = BalanceSerializer(
        allow_null=True, help_text="Null in answers to commands, where the account is unbounded."
    )

    def to_representation(self, instance: BalanceTotal) -> dict[str, Any]:
        return queries.show_account(instance)


class EventSerializer(serializers.Serializer[Event]):
    """One accepted command in the log."""

    id = serializers.CharField()
    type = serializers.CharField()
    command = serializers.CharField()
    idempotency_key = serializers.CharField()
    actor = serializers.CharField()
    recorded_at = serializers.DateTimeField()
    state = serializers.ChoiceField(["recorded", "sealed"])
    log_index = serializers.IntegerField(allow_null=True)
    content_hash = serializers.CharField(help_text="SHA-256 of the event in canonical JSON, in hex.")

    def to_representation(self, instance: Event) -> dict[str, Any]:
        document = {
            "id": ids.show("evt", instance.pk),
            "type": instance.type,
            "command": instance.command,
            "idempotency_key": instance.idempotency_key,
            "actor": instance.actor,
            "recorded_at": clock.stamp(instance.recorded_at),
        }
        return answers.event(document, bytes(instance.content_hash), instance.log_index)  # type: ignore[attr-defined]
