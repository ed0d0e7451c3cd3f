"""Monitors over HTTP."""

from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers

from accounts.api.serializers import MinorUnits
from accounts.rows import BUCKETS, account_key, look_up
from journal.models import Monitor
from journal.monitors.rows import OPERATORS, MonitorStore
from ledger_project.kernel.fields import TextField
from ledger_project.log.executor import look
from ledger_project.web.api.authentication import caller
from ledger_project.web.api.filters import FieldFilter, ListFilters
from ledger_project.web.api.sight import Rows
from ledger_project.web.api.views import ListView

CROSSING = {
    "type": "object",
    "properties": {
        "entry": {"type": "string"},
        "event": {"type": "string", "description": "The event whose entry crossed the line."},
        "balance_before": {"type": "string"},
        "balance": {"type": "string"},
        "version": {"type": "integer"},
    },
}


class MonitorSerializer(serializers.Serializer[Monitor]):
    """A line that an account's bucket may cross; each time it does, a `monitor.triggered` event says so."""

    id = serializers.CharField()
    account = serializers.CharField()
    name = serializers.CharField(help_text="The account's.")
    bucket = serializers.ChoiceField(list(BUCKETS))
    operator = serializers.ChoiceField(list(OPERATORS))
    value = MinorUnits()
    currency = serializers.CharField()
    scale = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    triggered_at = serializers.DateTimeField(allow_null=True, help_text="The last time.")
    deleted_at = serializers.DateTimeField(allow_null=True)

    def to_representation(self, instance: Monitor) -> dict[str, Any]:
        return MonitorStore.columns.of(instance).document()


class MonitorFilters(ListFilters):
    account = FieldFilter(TextField(), "An account's id or name.", method="of_account")

    def of_account(self, queryset: QuerySet[Monitor], name: str, value: str) -> QuerySet[Monitor]:
        key = account_key(value)
        facts = look_up(caller(self.request).tenant, [key], look).get(key)
        return queryset.filter(account=facts.id) if facts else queryset.none()


class MonitorList(ListView):
    """The tenant's monitors, newest first."""

    for_account_keys = Rows("account")
    serializer_class = MonitorSerializer
    filterset_class = MonitorFilters

    def get_queryset(self) -> QuerySet[Monitor]:
        return Monitor.objects.filter(tenant=self.tenant, deleted_at__isnull=True).select_related("account")
