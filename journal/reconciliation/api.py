"""Reconciliations to read, and their reports in three forms."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request

from journal.errors import ReconciliationNotFound
from journal.models import ReconciliationRun
from journal.reconciliation import reports
from ledger_project.kernel import ids
from ledger_project.kernel.fields import ChoiceField
from ledger_project.web.api.filters import require_known
from ledger_project.web.api.views import DetailView, ListView

FORMAT = ChoiceField(("json", "csv", "pdf"))


class CheckSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    found = serializers.IntegerField(help_text="How many differences; 0 is green.")


class ReconciliationSerializer(serializers.Serializer[Any]):
    id = serializers.CharField()
    status = serializers.ChoiceField(["requested", "matched", "mismatched"])
    requested_by = serializers.CharField()
    reason = serializers.CharField(allow_null=True)
    requested_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)
    log_size = serializers.IntegerField(allow_null=True, help_text="Of the sealed log that was checked, in leaves.")
    mismatches = serializers.IntegerField(allow_null=True)
    checks = CheckSerializer(many=True)

    def to_representation(self, instance: ReconciliationRun) -> dict[str, Any]:
        return reports.document(instance)


class CheckSaysSerializer(CheckSerializer):
    says = serializers.CharField(help_text="What must be so.")


class FindingSerializer(serializers.Serializer[Any]):
    check_name = serializers.CharField()
    subject = serializers.CharField(help_text="What is not as it should be.")
    stored = serializers.CharField()
    replayed = serializers.CharField(help_text="What it should be.")
    account = serializers.CharField(allow_null=True, help_text="The account of a balance that differs.")

    def get_fields(self) -> dict[str, Any]:
        """`check` is the name on the wire, and in a serializer that of something else."""
        fields = super().get_fields()
        return {"check": fields.pop("check_name"), **fields}


class ReconciliationReportSerializer(ReconciliationSerializer):
    checks = CheckSaysSerializer(many=True)
    findings = FindingSerializer(many=True, help_text="Up to 1,000 of each check.")

    def to_representation(self, instance: ReconciliationRun) -> dict[str, Any]:
        return reports.report(instance)


class ReconciliationList(ListView):
    """The reconciliations of your books, newest first."""

    serializer_class = ReconciliationSerializer

    def get_queryset(self) -> QuerySet[ReconciliationRun]:
        return ReconciliationRun.objects.filter(tenant=self.tenant)


class Csv(BaseRenderer):
    """Lets `Accept` ask for the report as it is; it is never rendered."""

    media_type, format = "text/csv", "csv"


class Pdf(BaseRenderer):
    media_type, format = "application/pdf", "pdf"


class ReconciliationDetail(DetailView):
    """A reconciliation with all that it found. As JSON, CSV or PDF: by `format`, or by `Accept`."""

    serializer_class = ReconciliationReportSerializer
    renderer_classes = (JSONRenderer, Csv, Pdf)
    refuses = (ReconciliationNotFound,)

    def get_object(self) -> ReconciliationRun:
        key = ids.read("rec", self.kwargs["reconciliation"])
        runs = ReconciliationRun.objects.filter(tenant=self.tenant).select_related("tenant")
        found = runs.filter(pk=key).first() if key else None
        if found is None:
            raise ReconciliationNotFound(reconciliation=self.kwargs["reconciliation"][:300])
        return found

    @extend_schema(
        parameters=[OpenApiParameter("format", OpenApiTypes.STR, enum=["json", "csv", "pdf"])],
        responses={
            (200, "application/json"): ReconciliationReportSerializer,
            (200, "text/csv"): OpenApiResponse(OpenApiTypes.STR, "A line for each difference."),
            (200, "application/pdf"): OpenApiResponse(OpenApiTypes.BINARY, "The report to print and to file."),
        },
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Any:
        require_known(request, ("format",))
        asked = request.query_params.get("format")
        form = FORMAT.parse(asked, "format") if asked is not None else request.accepted_renderer.format
        run = self.get_object()
        if form == "json":
            return HttpResponse(JSONRenderer().render(self.get_serializer(run).data), content_type="application/json")
        return reports.download(run, form)
