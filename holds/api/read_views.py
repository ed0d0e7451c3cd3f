"""Holds, escrows, stakes, withdrawals and deposits to read."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view

from accounts.folding import meaning
from holds import queries
from holds.api.serializers import (
    DepositSerializer,
    EscrowSerializer,
    HoldSerializer,
    StakeSerializer,
    WithdrawalSerializer,
)
from holds.errors import DepositNotFound, HoldNotFound
from holds.models import Deposit, Hold
from journal.api.read_views import ANY_REFERENCE, Recorded
from ledger_project.kernel.fields import ChoiceField, TextField
from ledger_project.web.api.authentication import caller
from ledger_project.web.api.filters import FieldFilter
from ledger_project.web.api.sight import Rows
from ledger_project.web.api.views import DetailView, ListView

NAME = TextField()
REFERENCE = TextField(maximum=1024, minimum=0)


class HoldFilters(Recorded):
    """`from` and `to` speak of when it was placed, `references.{name}` of what it was placed for."""

    account = FieldFilter(NAME, "The id or name of the account whose money it is.", method="of_account")
    counterparty = FieldFilter(NAME, "The id or name of the account that it is for.", method="of_counterparty")
    status = FieldFilter(ChoiceField(tuple(Hold.Status.values)), "The status.", "status")
    families = {"references.": REFERENCE}

    def of_account(self, queryset: QuerySet[Hold], name: str, value: str) -> QuerySet[Hold]:
        return queries.of_account(queryset, caller(self.request).tenant, "account", value)

    def of_counterparty(self, queryset: QuerySet[Hold], name: str, value: str) -> QuerySet[Hold]:
        return queries.of_account(queryset, caller(self.request).tenant, "counterparty", value)

    def filter_queryset(self, queryset: QuerySet[Hold]) -> Any:
        return queries.with_references(super().filter_queryset(queryset), self.family("references."))


class DepositFilters(Recorded):
    account = FieldFilter(NAME, "The id or name of the account that gets it.", method="of_account")
    source = FieldFilter(NAME, "Where it comes from.", method="of_meaning")
    external_ref = FieldFilter(NAME, "What it was paid under, such as a hash.", method="of_meaning")
    status = FieldFilter(ChoiceField(tuple(Deposit.Status.values)), "The status.", "status")

    def of_account(self, queryset: QuerySet[Deposit], name: str, value: str) -> QuerySet[Deposit]:
        return queries.of_account(queryset, caller(self.request).tenant, "account", value)

    def of_meaning(self, queryset: QuerySet[Deposit], name: str, value: str) -> QuerySet[Deposit]:
        return meaning(queryset, name, value)


class KindList(ListView):
    """Holds of one kind."""

    for_account_keys = Rows("account", "counterparty")
    kind: ClassVar[str]
    filterset_class = HoldFilters

    def get_queryset(self) -> QuerySet[Hold]:
        return queries.holds(self.tenant, self.kind)


class KindDetail(DetailView):
    """One hold of a kind."""

    for_account_keys = Rows("account", "counterparty")
    kind: ClassVar[str]
    refuses = (HoldNotFound,)

    def get_object(self) -> Hold:
        return queries.hold(self.tenant, self.kind, self.kwargs[self.kind])

    def missing(self) -> HoldNotFound:
        return HoldNotFound(hold=self.kwargs[self.kind][:300], kind=self.kind)


@extend_schema_view(get=extend_schema(parameters=[ANY_REFERENCE]))
class HoldList(KindList):
    """Holds, newest first."""

    kind, serializer_class = "hold", HoldSerializer


class HoldDetail(KindDetail):
    """One hold."""

    kind, serializer_class = "hold", HoldSerializer


@extend_schema_view(get=extend_schema(parameters=[ANY_REFERENCE]))
class EscrowList(KindList):
    """Escrows, newest first; `account` is the buyer, `counterparty` the seller."""

    kind, serializer_class = "escrow", EscrowSerializer


class EscrowDetail(KindDetail):
    """One escrow."""

    kind, serializer_class = "escrow", EscrowSerializer


@extend_schema_view(get=extend_schema(parameters=[ANY_REFERENCE]))
class StakeList(KindList):
    """Stakes, newest first."""

    kind, serializer_class = "stake", StakeSerializer


class StakeDetail(KindDetail):
    """One stake."""

    kind, serializer_class = "stake", StakeSerializer


@extend_schema_view(get=extend_schema(parameters=[ANY_REFERENCE]))
class WithdrawalList(KindList):
    """Withdrawals, newest first."""

    kind, serializer_class = "withdrawal", WithdrawalSerializer


class WithdrawalDetail(KindDetail):
    """One withdrawal."""

    kind, serializer_class = "withdrawal", WithdrawalSerializer


class DepositList(ListView):
    """Deposits, newest first."""

    for_account_keys = Rows("account")
    serializer_class = DepositSerializer
    filterset_class = DepositFilters

    def get_queryset(self) -> QuerySet[Deposit]:
        return queries.deposits(self.tenant)


class DepositDetail(DetailView):
    """One deposit."""

    for_account_keys = Rows("account")
    refuses = (DepositNotFound,)
    serializer_class = DepositSerializer

    def get_object(self) -> Deposit:
        return queries.deposit(self.tenant, self.kwargs["deposit"])
