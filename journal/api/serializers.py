"""The shapes of entries and postings. They document; `journal.queries` makes what they show."""

from typing import Any

from rest_framework import serializers

from accounts.api.serializers import MinorUnits
from accounts.rows import BUCKETS


class PostingSerializer(serializers.Serializer[Any]):
    """One leg of an entry."""

    account = serializers.CharField()
    name = serializers.CharField()
    bucket = serializers.ChoiceField(list(BUCKETS))
    amount = MinorUnits(help_text="Positive is a debit, negative a credit.")
    currency = serializers.CharField()
    balance_after = MinorUnits(allow_null=True, help_text="Of the bucket; null where the account is unbounded.")


class EntrySerializer(serializers.Serializer[Any]):
    """The money that one event moved: postings that sum to zero in every currency."""

    id = serializers.CharField()
    event = serializers.CharField()
    kind = serializers.CharField()
    effective_at = serializers.DateTimeField()
    recorded_at = serializers.DateTimeField()
    description = serializers.CharField()
    references = serializers.DictField(child=serializers.CharField())
    metadata = serializers.DictField()
    reverses = serializers.CharField(allow_null=True, help_text="The entry that this one takes back.")
    postings = PostingSerializer(many=True)
    reversed_by = serializers.CharField(allow_null=True, required=False, help_text="The entry that took this one back.")

    def to_representation(self, instance: dict[str, Any]) -> dict[str, Any]:
        return instance
