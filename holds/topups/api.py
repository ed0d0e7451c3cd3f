"""Top-up rules and requests: addresses, and what is read of them."""

from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers

from accounts import queries
from accounts.api.serializers import MinorUnits
from accounts.errors import AccountNotFound
from holds.models import TopUp, TopUpRequest
from holds.topups.errors import TopupNotFound
from holds.topups.rows import TopUpRequestStore, TopUpStore
from ledger_project.kernel.fields import ChoiceField, TextField
from ledger_project.web.api.authentication import caller
from ledger_project.web.api.commands import path_of
from ledger_project.web.api.filters import FieldFilter, ListFilters
from ledger_project.web.api.sight import Named, Rows
from ledger_project.web.api.views import DetailView, ListView


class TopUpSerializer(serializers.Serializer[TopUp]):
    """When an account asks for money, and how much."""

    account = serializers.CharField()
    below = MinorUnits(help_text="It asks when less than this is available.")
    to = MinorUnits(allow_null=True, help_text="Up to how much it asks for.")
    amount = MinorUnits(allow_null=True, help_text="Or how much at once.")
    at_most_per_month = MinorUnits(allow_null=True, help_text="In a calendar month of UTC.")
    cooldown = serializers.IntegerField(help_text="Seconds between two requests.")
    expires_in = serializers.IntegerField(help_text="Seconds after which a request has failed.")
    url = serializers.CharField(allow_null=True, help_text="Told to who is refused for want of money.")
    failures = serializers.IntegerField(help_text="In a row; with three it is off until it is set again.")
    disabled = serializers.BooleanField()
    month = serializers.DateField(allow_null=True)
    asked = MinorUnits(help_text="In that month.")
    requested_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)

    def to_representation(self, instance: TopUp) -> dict[str, Any]:
        row = TopUpStore.columns.of(instance)
        return {**row.document(), "disabled": row.disabled}


class TopUpRequestSerializer(serializers.Serializer[TopUpRequest]):
    """A request for money, and what became of it."""

    id = serializers.CharField()
    account = serializers.CharField()
    amount = MinorUnits()
    url = serializers.CharField(allow_null=True)
    status = serializers.ChoiceField(TopUpRequest.Status.choices)
    reason = serializers.CharField()
    deposit = serializers.CharField(allow_null=True, help_text="Which completed it.")
    requested_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    settled_at = serializers.DateTimeField(allow_null=True)

    def to_representation(self, instance: TopUpRequest) -> dict[str, Any]:
        return TopUpRequestStore.columns.of(instance).document()


class TopUpDetail(DetailView):
    """The top-up rule of an account."""

    for_account_keys = Named("account")
    refuses = (AccountNotFound, TopupNotFound)
    serializer_class = TopUpSerializer

    def get_object(self) -> TopUp:
        facts = queries.facts(self.tenant, self.kwargs["account"])
        found = TopUp.objects.filter(account=facts.id, ended_at__isnull=True).first()
        if found is None:
            raise TopupNotFound(account=self.kwargs["account"][:300])
        return found


class RuleFilters(ListFilters):
    account = FieldFilter(TextField(), "The id or name of the account.", method="of_account")

    def of_account(self, queryset: "QuerySet[Any]", name: str, value: str) -> "QuerySet[Any]":
        return queries.of_account(queryset, caller(self.request).tenant, value)


class RequestFilters(RuleFilters):
    status = FieldFilter(ChoiceField(("open", "completed", "failed")), "Its status.", "status")


class TopUpList(ListView):
    """Top-up rules that have not ended, those of the newest accounts first."""

    for_account_keys = Rows("account")
    ordering = "-account_id"
    serializer_class = TopUpSerializer
    filterset_class = RuleFilters

    def get_queryset(self) -> "QuerySet[TopUp]":
        return TopUp.objects.filter(tenant=self.tenant, ended_at__isnull=True)


class TopUpRequestList(ListView):
    """Requests for money, newest first."""

    for_account_keys = Rows("account")
    serializer_class = TopUpRequestSerializer
    filterset_class = RequestFilters

    def get_queryset(self) -> "QuerySet[TopUpRequest]":
        return TopUpRequest.objects.filter(tenant=self.tenant)


RULE = {"topup": "TopUp"}

urlpatterns = [
    path_of("v1/accounts/<str:account>/topup", get=TopUpDetail, put="set_topup", delete="end_topup", makes=RULE),
    path_of("v1/topup-requests/<str:topup>/fail", post="fail_topup", makes={**RULE, "topup_request": "TopUpRequest"}),
]
