"""Accounts, balances and currencies to read."""

import re
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema, extend_schema_view
from rest_framework import serializers

from accounts import queries
from accounts.api.serializers import AccountSerializer, BalanceGroupSerializer, BalanceSerializer, CurrencySerializer
from accounts.errors import AccountNotFound
from accounts.models import Account, BalanceTotal, Currency
from ledger_project.kernel.errors import InvalidRequest
from ledger_project.kernel.fields import ChoiceField, Field, TextField
from ledger_project.web.api.authentication import caller
from ledger_project.web.api.filters import FieldFilter, ListFilters
from ledger_project.web.api.permissions import X402_PAY
from ledger_project.web.api.sight import Everybodys, Named, Rows
from ledger_project.web.api.views import DetailView, ListView

NAME = TextField()
CODE = TextField(maximum=32)


class GroupField(Field):
    """How balances are summed."""

    form = r"currency|type|prefix:([1-9]|1[0-6])"

    def parse(self, raw: Any, name: str) -> str:
        if not isinstance(raw, str) or not re.fullmatch(self.form, raw, re.ASCII):
            raise InvalidRequest(field=name, reason="not currency, type, or prefix: and a depth from 1 to 16")
        return raw

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": f"^({self.form})$", "example": "prefix:2"}


class AccountFilters(ListFilters):
    prefix = FieldFilter(NAME, "What the name begins with.", "name", lookup_expr="startswith")
    type = FieldFilter(ChoiceField(tuple(Account.Type.values)), "The type of account.", "type")
    currency = FieldFilter(CODE, "The code of the currency.", "currency")
    status = FieldFilter(ChoiceField(("open", "frozen", "closed")), "The status.", "status")


class BalanceFilters(ListFilters):
    account = FieldFilter(NAME, "An account's id or name.", method="of_account")
    prefix = FieldFilter(NAME, "What the account's name begins with.", "name", lookup_expr="startswith")
    currency = FieldFilter(CODE, "The code of the currency.", "currency")
    group_by = FieldFilter(
        GroupField(), "Sum by currency, by type, or by the first segments of the name.", method="ungrouped"
    )

    def of_account(self, queryset: QuerySet[BalanceTotal], name: str, value: str) -> QuerySet[BalanceTotal]:
        return queries.by_ref(queryset, value)

    def ungrouped(self, queryset: QuerySet[BalanceTotal], name: str, value: str) -> QuerySet[BalanceTotal]:
        return queryset

    def filter_queryset(self, queryset: QuerySet[BalanceTotal]) -> Any:
        given = self.form.cleaned_data
        if given["group_by"] is None:
            return super().filter_queryset(queryset)
        return queries.BalanceGroups(caller(self.request).tenant, **given)


class AccountList(ListView):
    """Accounts in the order of their names."""

    for_account_keys = Rows("account")
    serializer_class = AccountSerializer
    filterset_class = AccountFilters
    ordering = "name"

    def get_queryset(self) -> QuerySet[BalanceTotal]:
        return queries.totals(self.tenant)


class AccountDetail(DetailView):
    """One account by id or name."""

    for_account_keys = Named("account")
    refuses = (AccountNotFound,)
    serializer_class = AccountSerializer

    def get_object(self) -> BalanceTotal:
        return queries.total(self.tenant, self.kwargs["account"])


class AccountBalance(DetailView):
    """What an account has, as of now."""

    for_account_keys = Named("account")
    refuses = (AccountNotFound,)
    serializer_class = BalanceSerializer
    account_scopes = (X402_PAY,)

    def get_object(self) -> BalanceTotal:
        return queries.total(self.tenant, self.kwargs["account"])


BALANCES_OR_GROUPS = PolymorphicProxySerializer(
    "BalanceOrGroup", [BalanceSerializer, BalanceGroupSerializer], resource_type_field_name=None, many=True
)


@extend_schema_view(get=extend_schema(responses=BALANCES_OR_GROUPS))
class BalanceList(ListView):
    """Balances in the order of their accounts' names, or summed by `group_by`."""

    for_account_keys = Rows("account")
    filterset_class = BalanceFilters
    ordering = "name"

    def get_queryset(self) -> QuerySet[BalanceTotal]:
        return queries.totals(self.tenant)

    def get_serializer_class(self) -> type[serializers.BaseSerializer[Any]]:
        return BalanceGroupSerializer if "group_by" in self.request.query_params else BalanceSerializer


class CurrencyList(ListView):
    """Currencies in the order of their codes."""

    for_account_keys = Everybodys()
    serializer_class = CurrencySerializer
    ordering = "code"

    def get_queryset(self) -> QuerySet[Currency]:
        return queries.currencies(self.tenant)
