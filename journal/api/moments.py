"""Balances now, or at any moment, and the trial balance."""

from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, PolymorphicProxySerializer, extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import queries
from accounts.api import read_views
from accounts.api.serializers import BalanceGroupSerializer, BalanceSerializer, BucketsSerializer, MinorUnits
from accounts.errors import AccountNotFound
from accounts.models import BalanceTotal
from accounts.queries import BUCKET_COLUMNS
from accounts.rows import AccountFacts, account_key, look_up
from journal import as_of
from journal.as_of import Cut
from journal.errors import TrialBalanceTooLong
from journal.trial_balance import DEEPEST, trial_balance
from ledger_project.kernel import ids
from ledger_project.kernel.fields import ChoiceField, MomentField
from ledger_project.log.queries import read
from ledger_project.web.api.authentication import caller
from ledger_project.web.api.filters import FieldFilter, require_known
from ledger_project.web.api.views import DetailView

MOMENT = MomentField()
EFFECTIVE = "What was effective at this time or before."
KNOWN = "What was recorded at this time or before."
MOMENTS = [
    OpenApiParameter("as_of", OpenApiTypes.DATETIME, description=EFFECTIVE),
    OpenApiParameter("known_at", OpenApiTypes.DATETIME, description=KNOWN),
]
Position = list[Any]


class BalanceAtSerializer(BucketsSerializer):
    """What an account had at a moment; null is no bound. Limits, status and lifetime totals are those of now only."""

    account = serializers.CharField()
    name = serializers.CharField()
    currency = serializers.CharField()
    scale = serializers.IntegerField()
    posted = MinorUnits()
    version = serializers.IntegerField(help_text="How many postings count.")
    as_of = serializers.DateTimeField(allow_null=True)
    known_at = serializers.DateTimeField(allow_null=True)


def cut_of(request: Request) -> Cut:
    """The moment that the query names. Refuses: InvalidRequest."""
    query: Any = request.query_params
    return Cut(**{name: MOMENT.parse(query[name], name) for name in ("as_of", "known_at") if name in query})


def show_at(account: AccountFacts, buckets: list[int], version: int, cut: Cut) -> dict[str, Any]:
    by_bucket = dict(zip(BUCKET_COLUMNS, buckets, strict=True))
    return {
        "account": ids.show("acc", account.id),
        "name": account.name,
        "currency": account.currency,
        "scale": account.scale,
        **{name: str(amount) for name, amount in by_bucket.items()},
        "posted": str(sum(buckets) - 2 * by_bucket["credit_used"]),
        "version": version,
        **cut.shown(),
    }


def found(tenant: int, ref: str) -> AccountFacts:
    """The account of an id or a name. Refuses: AccountNotFound."""
    key = account_key(ref)
    facts = None if "\x00" in ref else look_up(tenant, [key], read).get(key)
    if facts is None:
        raise AccountNotFound(account=ref[:300])
    return facts


ONE = PolymorphicProxySerializer("BalanceOrAt", [BalanceSerializer, BalanceAtSerializer], resource_type_field_name=None)


@extend_schema_view(get=extend_schema(parameters=MOMENTS, responses=ONE))
class AccountBalance(read_views.AccountBalance):
    """What an account has, or had at a moment of effective time, of recorded time, or of both."""

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        require_known(request, ("as_of", "known_at"))
        cut = cut_of(request)
        if not cut:
            return Response(self.get_serializer(self.get_object()).data)
        with as_of.one_moment():
            account = found(self.tenant, self.kwargs["account"])
            return Response(show_at(account, *as_of.buckets(account, cut), cut))


@dataclass(frozen=True)
class BalancesAt:
    """The accounts' balances at a moment, in the order of their names."""

    tenant: int
    cut: Cut
    accounts: QuerySet[BalanceTotal]

    def of_account(self, account: UUID) -> "BalancesAt":
        return replace(self, accounts=self.accounts.filter(account=account))

    def page(self, after: Position | None, limit: int) -> tuple[list[dict[str, Any]], Position | None]:
        rows = self.accounts.filter(name__gt=after[0]) if after else self.accounts
        names = list(rows.order_by("name").values_list("name", flat=True)[: limit + 1])
        with as_of.one_moment():
            facts = look_up(self.tenant, names[:limit], read)
            shown = [show_at(facts[name], *as_of.buckets(facts[name], self.cut), self.cut) for name in names[:limit]]
        return shown, [names[limit - 1]] if len(names) > limit else None


class BalanceFilters(read_views.BalanceFilters):
    as_of = FieldFilter(MOMENT, EFFECTIVE, method="ungrouped")
    known_at = FieldFilter(MOMENT, KNOWN, method="ungrouped")

    def filter_queryset(self, queryset: QuerySet[BalanceTotal]) -> Any:
        given = dict(self.form.cleaned_data)
        cut, tenant = Cut(given.pop("as_of"), given.pop("known_at")), caller(self.request).tenant
        if given["group_by"] is not None:
            groups = queries.BalanceGroups(tenant, **given)
            at = cut.as_of or cut.known_at
            return replace(groups, balances=as_of.balances(tenant, cut), moment=at) if cut else groups
        rows = super().filter_queryset(queryset)
        return BalancesAt(tenant, cut, rows) if cut else rows


class AsItIs(serializers.Serializer[Any]):
    """What was made for the answer already."""

    def to_representation(self, instance: Any) -> Any:
        return instance


MANY = PolymorphicProxySerializer(
    "BalanceOrGroup",
    [BalanceSerializer, BalanceGroupSerializer, BalanceAtSerializer],
    resource_type_field_name=None,
    many=True,
)


@extend_schema_view(get=extend_schema(responses=MANY))
class BalanceList(read_views.BalanceList):
    """Balances in the order of their accounts' names, or summed by `group_by`; now or at a moment."""

    filterset_class = BalanceFilters

    def get_serializer_class(self) -> type[serializers.BaseSerializer[Any]]:
        query = self.request.query_params
        if "group_by" not in query and ("as_of" in query or "known_at" in query):
            return AsItIs
        return super().get_serializer_class()


class TrialBalanceRowSerializer(serializers.Serializer[Any]):
    """An account, or all below the first segments of a name; `net` is positive where it is a debit."""

    name = serializers.CharField()
    depth = serializers.IntegerField()
    accounts = serializers.IntegerField()
    debit = MinorUnits()
    credit = MinorUnits()
    net = MinorUnits()


class TrialBalanceCurrencySerializer(serializers.Serializer[Any]):
    currency = serializers.CharField()
    scale = serializers.IntegerField()
    debit = MinorUnits()
    credit = MinorUnits()
    accounts = serializers.IntegerField()
    rows = TrialBalanceRowSerializer(many=True)


class TrialBalanceSerializer(serializers.Serializer[Any]):
    """Debits and credits of every currency, summed along the segments of the names."""

    as_of = serializers.DateTimeField(allow_null=True)
    known_at = serializers.DateTimeField(allow_null=True)
    currencies = TrialBalanceCurrencySerializer(many=True)


DEPTHS = ChoiceField(tuple(str(depth) for depth in range(1, DEEPEST + 1)))


@extend_schema_view(
    get=extend_schema(
        operation_id="trial_balance",
        parameters=[
            *MOMENTS,
            OpenApiParameter("prefix", OpenApiTypes.STR, description="What the accounts' names begin with."),
            OpenApiParameter("currency", OpenApiTypes.STR, description="The code of the currency."),
            OpenApiParameter("depth", OpenApiTypes.INT, description="How many segments of the names; 2 if not given."),
        ],
    )
)
class TrialBalance(DetailView):
    """Debits and credits of your books, by currency and along the segments of the names; now or at a moment."""

    refuses = (TrialBalanceTooLong,)
    serializer_class = TrialBalanceSerializer

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        require_known(request, ("as_of", "known_at", "prefix", "currency", "depth"))
        query: Any = request.query_params
        asked = {name: read_views.NAME.parse(query[name], name) for name in ("prefix", "currency") if name in query}
        depth = int(DEPTHS.parse(query.get("depth", "2"), "depth"))
        cut = cut_of(request)
        sides = trial_balance(self.tenant, cut, depth=depth, **asked)
        return Response({**cut.shown(), "currencies": [side.document() for side in sides]})
