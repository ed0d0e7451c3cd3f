"""Reserves over HTTP: lists, and the command that makes its own document."""

from functools import partial

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from accounts.fields import CurrencyCode
from ledger_project.kernel import ids
from ledger_project.kernel.errors import UnknownField
from ledger_project.kernel.fields import TextField
from ledger_project.log.command import COMMANDS
from ledger_project.web.api.commands import CommandView, admit, idempotency_key, read_options, reply
from ledger_project.web.api.filters import FieldFilter, ListFilters
from ledger_project.web.api.parsing import read_object
from ledger_project.web.api.views import ListView
from ledger_project.web.api.waiting import answer_when_sealed
from reserves import issuing
from reserves.api.serializers import AttestationSerializer, ReserveAssetSerializer, ReserveSnapshotSerializer
from reserves.models import Attestation, ReserveAsset, ReserveSnapshot

CURRENCY = CurrencyCode.__metadata__[0]  # type: ignore[attr-defined]


class CurrencyFilters(ListFilters):
    currency = FieldFilter(TextField(maximum=32), "A currency's code.")


class ReserveAssetList(ListView):
    """What backs the tenant's currencies, newest first."""

    serializer_class = ReserveAssetSerializer
    filterset_class = CurrencyFilters

    def get_queryset(self) -> "QuerySet[ReserveAsset]":
        return ReserveAsset.objects.filter(tenant=self.tenant)


class SnapshotFilters(ListFilters):
    asset = FieldFilter(TextField(), "The id or name of an asset.", method="of_asset")

    def of_asset(self, queryset: "QuerySet[ReserveSnapshot]", name: str, value: str) -> "QuerySet[ReserveSnapshot]":
        key = ids.read("ras", value)
        return queryset.filter(asset=key) if key else queryset.filter(asset__name=value)


class ReserveSnapshotList(ListView):
    """Snapshots, newest first."""

    serializer_class = ReserveSnapshotSerializer
    filterset_class = SnapshotFilters

    def get_queryset(self) -> "QuerySet[ReserveSnapshot]":
        return ReserveSnapshot.objects.filter(tenant=self.tenant)


class AttestationList(ListView):
    """Attestations in short, newest first."""

    serializer_class = AttestationSerializer
    filterset_class = CurrencyFilters

    def get_queryset(self) -> "QuerySet[Attestation]":
        return Attestation.objects.filter(tenant=self.tenant)


class IssueAttestation(CommandView):
    """Makes and signs the document itself: a caller may say no more than of which currency."""

    hidden = frozenset({"attestation", "as_of", "checkpoint", "document", "jws"})

    def serve(self, request: HttpRequest, named: dict[str, str]) -> HttpResponse:
        principal = admit(request)
        COMMANDS[issuing.COMMAND].require(principal.caller)
        options = read_options(request)
        body = read_object(request)
        for name in body:
            if name != "currency":
                raise UnknownField(field=name[:300])
        currency = body.get("currency")
        if currency is not None:
            currency = CURRENCY.parse(currency, "currency")
        done = issuing.issue(
            principal.tenant,
            currency,
            key=idempotency_key(request),
            caller=principal.caller,
            dry_run=options.dry_run,
        )
        answered = self.answer(done, principal.caller)
        made = partial(reply, answered, status=200 if done.dry_run else 201, replayed=done.replayed)
        return answer_when_sealed([answered], request, made) if options.wait else made()
