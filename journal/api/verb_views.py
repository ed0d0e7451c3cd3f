"""Promotional grants, clearing accounts and settlements to read."""

from typing import Any

from django.db.models import QuerySet

from accounts import queries as accounts
from accounts.folding import meaning
from journal.api.read_views import SearchView
from journal.api.shapes import ClearingAccountSerializer, PromoGrantSerializer, SettlementSerializer
from journal.clearing import settlements
from journal.errors import SettlementNotFound
from journal.models import ClearingAccount, PromoGrant, SettlementBatch
from ledger_project.kernel.fields import TextField
from ledger_project.web.api.authentication import caller
from ledger_project.web.api.filters import FieldFilter, ListFilters
from ledger_project.web.api.sight import Rows
from ledger_project.web.api.views import DetailView, ListView

NAME = TextField()


class GrantFilters(ListFilters):
    account = FieldFilter(NAME, "The id or name of the account.", method="of_account")

    def of_account(self, queryset: QuerySet[PromoGrant], name: str, value: str) -> QuerySet[PromoGrant]:
        return accounts.of_account(queryset, caller(self.request).tenant, value)


class PromoGrantList(ListView):
    """Grants of promotional money, newest first."""

    for_account_keys = Rows("account")
    serializer_class = PromoGrantSerializer
    filterset_class = GrantFilters

    def get_queryset(self) -> QuerySet[PromoGrant]:
        return PromoGrant.objects.filter(tenant=self.tenant)


class ClearingFilters(ListFilters):
    domain = FieldFilter(NAME, "The domain.", method="of_domain")

    def of_domain(self, queryset: QuerySet[ClearingAccount], name: str, value: str) -> QuerySet[ClearingAccount]:
        return meaning(queryset, name, value)


class ClearingAccountList(ListView):
    """Clearing accounts, the newest first."""

    serializer_class = ClearingAccountSerializer
    filterset_class = ClearingFilters
    ordering = "-account_id"

    def get_queryset(self) -> QuerySet[ClearingAccount]:
        return settlements.clearing_accounts(self.tenant)


class SettlementFilters(ListFilters):
    netting_batch_id = FieldFilter(NAME, "The id of the batch.")

    def filter_queryset(self, queryset: QuerySet[SettlementBatch]) -> Any:
        return settlements.Settlements(caller(self.request).tenant, self.form.cleaned_data["netting_batch_id"])


class SettlementList(ListView):
    """Settled batches, newest first."""

    serializer_class = SettlementSerializer
    filterset_class = SettlementFilters
    queryset = SettlementBatch.objects.none()  # says what is listed; the filters find it


class SettlementDetail(DetailView):
    """One settled batch."""

    serializer_class = SettlementSerializer
    refuses = (SettlementNotFound,)

    def get_object(self) -> dict[str, Any]:
        return settlements.settlement(self.tenant, self.kwargs["settlement"])


class SettledEntryList(SearchView):
    """The entries that a batch settled, newest first."""

    refuses = (SettlementNotFound,)
    filterset_class = None

    def filter_queryset(self, queryset: QuerySet[Any]) -> Any:
        super().filter_queryset(queryset)
        return settlements.SettledEntries(self.tenant, self.kwargs["settlement"])
