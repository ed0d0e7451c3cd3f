"""Session keys to read."""

from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers

from accounts import queries
from accounts.api.serializers import MinorUnits
from accounts.models import SessionKey
from accounts.sessions import SessionKeyStore
from ledger_project.kernel.fields import TextField
from ledger_project.web.api.authentication import caller
from ledger_project.web.api.filters import FieldFilter, ListFilters
from ledger_project.web.api.sight import Rows
from ledger_project.web.api.views import ListView


class SessionKeySerializer(serializers.Serializer[SessionKey]):
    """A budget on an account, and what was spent of it. Days are those of UTC."""

    id = serializers.CharField()
    account = serializers.CharField()
    max_per_spend = MinorUnits(allow_null=True, help_text="Null is no cap.")
    max_per_day = MinorUnits(allow_null=True, help_text="Null is no cap.")
    max_total = MinorUnits(allow_null=True, help_text="Null is no cap.")
    allowed_receivers = serializers.ListField(
        child=serializers.CharField(), allow_null=True, help_text="Account ids; null is anybody."
    )
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True)
    revoked_at = serializers.DateTimeField(allow_null=True)
    spent_total = MinorUnits()
    reserved_total = MinorUnits(help_text="Promised by holds that name the key and are open.")
    reserved_day = MinorUnits(help_text="Of those, what was promised on `day`.")
    spent_day = MinorUnits(help_text="On `day`.")
    spent_most = MinorUnits(help_text="By one spend.")
    day = serializers.DateField(allow_null=True)
    last_spent_at = serializers.DateTimeField(allow_null=True)

    def to_representation(self, instance: SessionKey) -> dict[str, Any]:
        return SessionKeyStore.columns.of(instance).document()


class SessionKeyFilters(ListFilters):
    account = FieldFilter(TextField(), "The id or name of the account.", method="of_account")

    def of_account(self, queryset: "QuerySet[SessionKey]", name: str, value: str) -> "QuerySet[SessionKey]":
        return queries.of_account(queryset, caller(self.request).tenant, value)


class SessionKeyList(ListView):
    """Session keys, newest first, revoked and expired ones included."""

    for_account_keys = Rows("account")
    serializer_class = SessionKeySerializer
    filterset_class = SessionKeyFilters

    def get_queryset(self) -> "QuerySet[SessionKey]":
        return SessionKey.objects.filter(tenant=self.tenant)
