"""Budgets to read, each with the window that is at hand."""

from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers

from accounts.api.serializers import MinorUnits
from accounts.budgets import reading
from accounts.budgets.errors import BudgetNotFound
from accounts.models import Budget
from ledger_project.kernel.fields import TextField
from ledger_project.kernel.windows import KINDS
from ledger_project.log.caller import Caller
from ledger_project.web.api.authentication import caller
from ledger_project.web.api.filters import FieldFilter, ListFilters
from ledger_project.web.api.sight import Sight
from ledger_project.web.api.views import DetailView, ListView


class BudgetWindowSerializer(serializers.Serializer[Any]):
    """What was used and promised of a budget in one window of time."""

    budget = serializers.CharField()
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField(allow_null=True)
    used = MinorUnits(help_text="Paid.")
    reserved = MinorUnits(help_text="Promised by open holds that were placed in this window.")
    over = MinorUnits(help_text="What work that was done already took above the limit.")
    alert = serializers.IntegerField(help_text="The highest of its alerts that was reached, in per cent; 0 is none.")
    told = serializers.IntegerField(help_text="The highest that an event has told of.")


class BudgetSerializer(serializers.Serializer[Budget]):
    """A limit on what may be paid in each window of time."""

    id = serializers.CharField()
    name = serializers.CharField()
    currency = serializers.CharField()
    account = serializers.CharField(allow_null=True)
    account_prefix = serializers.CharField(allow_null=True, help_text="For all accounts whose names begin so.")
    session_key = serializers.CharField(allow_null=True)
    parent = serializers.CharField(allow_null=True, help_text="The budget above, asked, too.")  # type: ignore[assignment]
    window = serializers.ChoiceField(KINDS)
    time_zone = serializers.CharField()
    limit = MinorUnits()
    mode = serializers.ChoiceField(["hard", "soft"], help_text="A hard one refuses; a soft one tells.")
    models = serializers.ListField(child=serializers.CharField(), allow_null=True, help_text="For payments of these.")
    alerts = serializers.ListField(child=serializers.IntegerField(), help_text="Per cent of the limit.")
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
    current = BudgetWindowSerializer(allow_null=True, help_text="The window at hand; null before its first payment.")

    def to_representation(self, instance: Budget) -> dict[str, Any]:
        return reading.show(instance)


class OnTheWay(Sight):
    """An account's own key sees the budgets that its payments pass."""

    says = "those that its payments pass"

    def narrow(self, many: "QuerySet[Budget]", caller: Caller) -> "QuerySet[Budget]":
        return many.filter(pk__in=reading.around(caller.account) if caller.account else [])

    def shows(self, one: Budget, caller: Caller) -> bool:
        return caller.account is not None and one.pk in reading.around(caller.account)


class BudgetFilters(ListFilters):
    account = FieldFilter(TextField(), "The id or name of an account whose payments pass it.", method="of_account")
    name = FieldFilter(TextField(), "Its name.", "name")

    def of_account(self, queryset: "QuerySet[Budget]", name: str, value: str) -> "QuerySet[Budget]":
        return queryset.filter(pk__in=reading.around_ref(caller(self.request).tenant, value))


class BudgetList(ListView):
    """Budgets, newest first."""

    for_account_keys = OnTheWay()
    serializer_class = BudgetSerializer
    filterset_class = BudgetFilters

    def get_queryset(self) -> "QuerySet[Budget]":
        return Budget.objects.filter(tenant=self.tenant, ended_at__isnull=True)


class BudgetDetail(DetailView):
    """One budget by id, or by the name of one that has not ended."""

    for_account_keys = OnTheWay()
    refuses = (BudgetNotFound,)
    serializer_class = BudgetSerializer

    def get_object(self) -> Budget:
        return reading.budget(self.tenant, self.kwargs["budget"])
