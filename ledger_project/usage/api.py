"""Price books and usage: addresses, and what is read of them."""

from typing import Any

from django.db.models import QuerySet
from django.urls import path
from rest_framework import serializers

from accounts import queries
from accounts.api.serializers import MinorUnits
from accounts.folding import meaning
from ledger_project.kernel.fields import IdField, MomentField, TextField
from ledger_project.log.command import COMMANDS
from ledger_project.usage.batch import UsageBatch
from ledger_project.usage.bills.api import AccountBill
from ledger_project.usage.models import PriceVersion, Usage
from ledger_project.usage.quoting import UsageQuote
from ledger_project.usage.rows import PriceVersionStore, UsageStore
from ledger_project.web.api.authentication import caller
from ledger_project.web.api.commands import Shape, path_of
from ledger_project.web.api.filters import FieldFilter, ListFilters
from ledger_project.web.api.openapi import MINOR_UNITS
from ledger_project.web.api.sight import Everybodys, Rows
from ledger_project.web.api.views import ListView


class PriceVersionSerializer(serializers.Serializer[PriceVersion]):
    """One version of a price book; it never changes."""

    id = serializers.CharField()
    book = serializers.CharField()
    number = serializers.IntegerField(help_text="Counted by book.")
    currency = serializers.CharField()
    time_zone = serializers.CharField(help_text="Whose months tiers are filled in.")
    effective_at = serializers.DateTimeField()
    published_at = serializers.DateTimeField()
    rates = serializers.ListField(child=serializers.DictField(), help_text="As they were published.")
    markup_bps = serializers.IntegerField()
    minimum = serializers.CharField(help_text="What one usage costs at least, in decimals of minor units.")

    def to_representation(self, instance: PriceVersion) -> dict[str, Any]:
        return PriceVersionStore.columns.of(instance).document()


class UsageSerializer(serializers.Serializer[Usage]):
    """What a request used, by which version it was priced, and what of its cost was charged."""

    id = serializers.CharField()
    kind = serializers.ChoiceField(Usage.Kind.choices, help_text="A request is recorded once; the others follow on it.")
    follows = serializers.CharField(allow_null=True, help_text="The posting about the same request before this one.")
    account = serializers.CharField()
    to_account = serializers.CharField(allow_null=True, help_text="Who was paid; null is the platform's revenue.")
    version = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]
    request_id = serializers.CharField()
    model = serializers.CharField()
    metrics = serializers.DictField(child=serializers.IntegerField())
    at = serializers.DateTimeField()
    recorded_at = serializers.DateTimeField()
    lines = serializers.ListField(
        child=serializers.DictField(), help_text="By metric: quantity, the place of its rate, and its cost."
    )
    cost = MinorUnits(help_text="In units of 10⁻¹² minor units.")
    charged = MinorUnits(help_text="What this posting moved; below zero where it gave back.")
    paid = MinorUnits(help_text="What was paid for the request in all.")
    uncovered = MinorUnits(help_text="What is due for the request and was not there to take.")
    remainder = MinorUnits(help_text="What the account carries to its next charge in the book, in 10⁻¹² minor units.")
    hold = serializers.CharField(allow_null=True)
    late = serializers.BooleanField(help_text="Whether the hold was over when it was recorded.")
    budgets = serializers.ListField(child=serializers.DictField(), help_text="What it took of which budget's window.")
    grants = serializers.ListField(child=serializers.DictField(), help_text="Which grants paid for how much of it.")

    def to_representation(self, instance: Usage) -> dict[str, Any]:
        return UsageStore.columns.of(instance).document()


class BookFilters(ListFilters):
    book = FieldFilter(TextField(), "The name of the book.", method="of_book")

    def of_book(self, queryset: "QuerySet[PriceVersion]", name: str, value: str) -> "QuerySet[PriceVersion]":
        return meaning(queryset, "book", value)


class PriceVersionList(ListView):
    """The versions of price books, newest first."""

    for_account_keys = Everybodys()
    serializer_class = PriceVersionSerializer
    filterset_class = BookFilters

    def get_queryset(self) -> "QuerySet[PriceVersion]":
        return PriceVersion.objects.filter(tenant=self.tenant)


class UsageFilters(ListFilters):
    account = FieldFilter(TextField(), "The id or name of the account.", method="of_account")
    request_id = FieldFilter(TextField(), "The id that its source gave the request.", method="of_request")
    source = FieldFilter(TextField(), "The source of the request.", method="of_source")
    hold = FieldFilter(IdField("hld", "hold"), "The hold that it was recorded against.", "hold_id")
    model = FieldFilter(TextField(), "The model.", "model")
    from_ = FieldFilter(MomentField(), "Used at this time or later.", "at", lookup_expr="gte")
    to = FieldFilter(MomentField(), "Used before this time.", "at", lookup_expr="lt")

    def of_account(self, queryset: "QuerySet[Usage]", name: str, value: str) -> "QuerySet[Usage]":
        return queries.of_account(queryset, caller(self.request).tenant, value)

    def of_request(self, queryset: "QuerySet[Usage]", name: str, value: str) -> "QuerySet[Usage]":
        return meaning(queryset, "request_id", value)

    def of_source(self, queryset: "QuerySet[Usage]", name: str, value: str) -> "QuerySet[Usage]":
        return meaning(queryset, "source", value)


class UsageList(ListView):
    """Recorded usage and what was posted about it since, newest first; of one `request_id`, its whole history."""

    for_account_keys = Rows("account")
    serializer_class = UsageSerializer
    filterset_class = UsageFilters

    def get_queryset(self) -> "QuerySet[Usage]":
        return Usage.objects.filter(tenant=self.tenant)


USAGE: dict[str, Shape] = {"usage": "Usage"}
AUTHORIZED = {
    "type": "object",
    "description": "The price that the hold stands on.",
    "properties": {
        "book": {"type": "string"},
        "version": {"type": "integer"},
        "model": {"type": "string"},
        "metrics": COMMANDS["record_usage"].fields["metrics"].schema(),
        "maximum": {"type": "string", "format": MINOR_UNITS},
    },
}

urlpatterns = [
    path_of("v1/price-books", get=PriceVersionList, post="publish_prices", makes={"price_version": "PriceVersion"}),
    path_of("v1/usage", get=UsageList, post="record_usage", makes=USAGE),
    path("v1/usage/quote", UsageQuote.as_view()),
    path_of("v1/usage/authorize", post="authorize_usage", makes={"hold": "Hold", "quote": AUTHORIZED}),
    path("v1/accounts/<str:account>/bill", AccountBill.as_view()),
    path_of("v1/usage/<str:usage>/correct", post="correct_usage", makes=USAGE),
    path_of("v1/usage/<str:usage>/collect", post="collect_uncovered", makes=USAGE),
    path("v1/usage/batch", UsageBatch.as_view()),
]
