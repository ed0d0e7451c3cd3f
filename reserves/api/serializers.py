"""The shapes of reserve assets, snapshots and attestations. They document; `reserves.queries` makes what they show."""

from typing import Any

from rest_framework import serializers

from accounts.api.serializers import MinorUnits
from reserves import queries
from reserves.fields import ASSET_TYPES
from reserves.models import Attestation, ReserveAsset, ReserveSnapshot


class ReserveAssetSerializer(serializers.Serializer[ReserveAsset]):
    """Something that backs a currency, and how it is counted."""

    id = serializers.CharField()
    name = serializers.CharField()
    currency = serializers.CharField(help_text="What it backs.")
    asset_type = serializers.ChoiceField(list(ASSET_TYPES))
    provider = serializers.CharField()
    unit = serializers.CharField(help_text="What its snapshots count.")
    custody = serializers.CharField(help_text="Who holds it, where, and in whose name.")
    source = serializers.DictField(  # type: ignore[assignment]  # a field of this name, not the field's source
        help_text="Where its snapshots are read from; empty: they are recorded by hand."
    )
    haircut_bps = serializers.IntegerField(help_text="The part that is not counted; 10000 counts nothing.")
    max_age_seconds = serializers.IntegerField(help_text="An older snapshot counts for nothing.")
    is_eligible = serializers.BooleanField()
    metadata = serializers.DictField()
    version = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()

    def to_representation(self, instance: ReserveAsset) -> dict[str, Any]:
        return queries.show_asset(instance)


class FractionSerializer(serializers.Serializer[Any]):
    """An exact fraction."""

    num = MinorUnits()
    den = MinorUnits()


class PriceSerializer(FractionSerializer):
    """A price with its own source and time."""

    provenance = serializers.CharField(required=False)
    taken_at = serializers.DateTimeField(required=False)
    evidence_hash = serializers.CharField(required=False, allow_null=True, help_text="SHA-256 in hex.")


class ReserveSnapshotSerializer(serializers.Serializer[ReserveSnapshot]):
    """How many units of an asset there were at a moment."""

    id = serializers.CharField()
    asset = serializers.CharField()
    amount = MinorUnits(help_text="Units of the asset.")
    price = PriceSerializer(allow_null=True, help_text="One unit in minor units of the currency.")
    taken_at = serializers.DateTimeField()
    provenance = serializers.CharField()
    evidence_hash = serializers.CharField(allow_null=True, help_text="SHA-256 in hex.")
    recorded_at = serializers.DateTimeField()

    def to_representation(self, instance: ReserveSnapshot) -> dict[str, Any]:
        return queries.show_snapshot(instance)


class RatioSerializer(FractionSerializer):
    """A ratio as it is, and as a decimal rounded down to six digits."""

    decimal = serializers.CharField()


class AttestationSerializer(serializers.Serializer[Attestation]):
    """What an attestation says in short; the signed document is at /attestation/reserve/{id}."""

    id = serializers.CharField()
    currency = serializers.CharField()
    sequence = serializers.IntegerField()
    as_of = serializers.DateTimeField()
    log_size = serializers.IntegerField(help_text="Leaves of the log that it counts.")
    outstanding = MinorUnits()
    eligible_reserves_total = MinorUnits()
    coverage_ratio = RatioSerializer(allow_null=True, help_text="Null where nothing is owed.")
    document_hash = serializers.CharField(help_text="SHA-256 in hex.")
    previous_attestation_hash = serializers.CharField(allow_null=True)

    def to_representation(self, instance: Attestation) -> dict[str, Any]:
        return queries.show_attestation(instance)
