"""Statements of others, their lines, matches and adjustments to read."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request

from accounts import queries as accounts
from accounts.api.serializers import MinorUnits
from journal.api.shapes import Made
from journal.external import queries, reports
from journal.external.errors import ExternalStatementNotFound
from journal.external.formats import READERS
from journal.external.models import ExternalAdjustment, ExternalLine, ExternalMatch, ExternalStatement
from ledger_project.kernel.fields import ChoiceField, TextField
from ledger_project.web.api.authentication import caller
from ledger_project.web.api.filters import FieldFilter, ListFilters, require_known
from ledger_project.web.api.views import DetailView, ListView

FORMAT = ChoiceField(("json", "csv"))


class ExternalStatementSerializer(serializers.Serializer[Any]):
    """What a bank, a provider or a chain says about one account."""

    id = serializers.CharField()
    account = serializers.CharField()
    account_name = serializers.CharField()
    currency = serializers.CharField()
    scale = serializers.IntegerField()
    name = serializers.CharField()
    format = serializers.ChoiceField(list(READERS))
    sha256 = serializers.CharField(help_text="Of the file, as UTF-8.")
    lines = serializers.IntegerField()
    first_date = serializers.DateField()
    last_date = serializers.DateField()
    money_in = MinorUnits()
    money_out = MinorUnits()
    opening_balance = MinorUnits(allow_null=True, help_text="Null where the file does not say.")
    closing_balance = MinorUnits(allow_null=True)
    uploaded_at = serializers.DateTimeField()

    def to_representation(self, instance: ExternalStatement) -> dict[str, Any]:
        return queries.statement_document(instance)


class StateSerializer(Made):
    lines = serializers.IntegerField()
    money_in = MinorUnits()
    money_out = MinorUnits()


class ProgressSerializer(Made):
    """The statement's lines by what became of them."""

    open = StateSerializer()
    matched = StateSerializer()
    resolved = StateSerializer(help_text="Explained by a person.")
    adjusted = StateSerializer(help_text="An entry was posted for them.")


class ExternalStatementDetailSerializer(ExternalStatementSerializer):
    progress = ProgressSerializer()

    def to_representation(self, instance: ExternalStatement) -> dict[str, Any]:
        return super().to_representation(instance) | {"progress": queries.progress(instance)}


class MatchingSerializer(Made):
    """What one search found."""

    matches = serializers.IntegerField()
    lines = serializers.IntegerField()
    entries = serializers.IntegerField()
    open_lines = serializers.IntegerField()
    open_entries = serializers.IntegerField(help_text="Within the window of days.")
    cut = serializers.BooleanField(help_text="The search stopped at its bound.")
    digest = serializers.CharField(help_text="SHA-256 of the canonical JSON of all matches.")


class ExternalLineSerializer(serializers.Serializer[Any]):
    """A line of a statement."""

    line = serializers.IntegerField()
    date = serializers.DateField()
    amount = MinorUnits(help_text="Above zero where the account grew.")
    reference = serializers.CharField()
    description = serializers.CharField()
    state = serializers.ChoiceField(list(queries.STATES))
    external_match = serializers.CharField(allow_null=True)

    def to_representation(self, instance: ExternalLine) -> dict[str, Any]:
        return queries.line_document(instance)


class OpenEntrySerializer(Made):
    """An entry on a statement's account that is in no match."""

    entry = serializers.CharField()
    kind = serializers.CharField()
    date = serializers.DateField(help_text="Of its effective time, in UTC.")
    amount = MinorUnits(help_text="What the account grew by.")
    description = serializers.CharField()
    references = serializers.DictField(child=serializers.CharField())


class ExternalMatchSerializer(serializers.Serializer[Any]):
    """Lines and entries that belong together, or that a person explained."""

    id = serializers.CharField()
    external_statement = serializers.CharField()
    kind = serializers.ChoiceField(ExternalMatch.Kind.values)
    how = serializers.CharField(help_text="reference, amount, group, person or adjustment.")
    reason = serializers.CharField()
    lines = serializers.ListField(child=serializers.IntegerField())
    entries = serializers.ListField(child=serializers.CharField())
    difference = MinorUnits(help_text="What the lines come to beyond the entries.")
    created_at = serializers.DateTimeField()
    undone_at = serializers.DateTimeField(allow_null=True)

    def to_representation(self, instance: ExternalMatch) -> dict[str, Any]:
        return queries.match_document(instance)


class AdjustmentSerializer(serializers.Serializer[Any]):
    """An entry that one person proposes and another posts."""

    id = serializers.CharField()
    external_statement = serializers.CharField()
    line = serializers.IntegerField(allow_null=True)
    entry = serializers.CharField(allow_null=True)
    account = serializers.CharField()
    counter_account = serializers.CharField()
    counter_account_name = serializers.CharField()
    amount = MinorUnits(help_text="What the account is to grow by.")
    currency = serializers.CharField()
    scale = serializers.IntegerField()
    reason = serializers.CharField()
    status = serializers.ChoiceField(ExternalAdjustment.Status.values)
    proposed_by = serializers.CharField()
    proposed_identity = serializers.CharField(help_text="The person or root key that answers for it.")
    proposed_at = serializers.DateTimeField()
    decided_by = serializers.CharField(allow_null=True)
    decided_identity = serializers.CharField(allow_null=True, help_text="Never the one that proposed it.")
    decided_at = serializers.DateTimeField(allow_null=True)
    decision = serializers.CharField()
    posted = serializers.CharField(allow_null=True, help_text="The entry.")

    def to_representation(self, instance: ExternalAdjustment) -> dict[str, Any]:
        return queries.adjustment_document(instance)


class StatementFilters(ListFilters):
    account = FieldFilter(TextField(), "The id or name of the account.", method="of_account")

    def of_account(self, queryset: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return accounts.of_account(queryset, caller(self.request).tenant, value)


class ExternalStatementList(ListView):
    """Uploaded statements, newest first."""

    serializer_class = ExternalStatementSerializer
    filterset_class = StatementFilters

    def get_queryset(self) -> QuerySet[ExternalStatement]:
        return queries.statements(self.tenant)


class Csv(BaseRenderer):
    """Lets `Accept` ask for the report as it is; it is never rendered."""

    media_type, format = "text/csv", "csv"


class ExternalStatementDetail(DetailView):
    """A statement and how far it is reconciled; as CSV, each line with its state and the entries that have no line."""

    serializer_class = ExternalStatementDetailSerializer
    renderer_classes = (JSONRenderer, Csv)
    refuses = (ExternalStatementNotFound,)

    @extend_schema(
        parameters=[OpenApiParameter("format", OpenApiTypes.STR, enum=["json", "csv"])],
        responses={
            (200, "application/json"): ExternalStatementDetailSerializer,
            (200, "text/csv"): OpenApiResponse(OpenApiTypes.STR, "Every line, then the entries that have none."),
        },
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Any:
        require_known(request, ("format",))
        asked = request.query_params.get("format")
        form = FORMAT.parse(asked, "format") if asked is not None else request.accepted_renderer.format
        row = queries.statement(self.tenant, self.kwargs["external_statement"])
        if form == "json":
            return HttpResponse(JSONRenderer().render(self.get_serializer(row).data), content_type="application/json")
        return reports.download(row)


class OfStatement(ListView):
    """What belongs to one statement."""

    refuses = (ExternalStatementNotFound,)

    @property
    def statement(self) -> ExternalStatement:
        return queries.statement(self.tenant, self.kwargs["external_statement"])


class LineFilters(ListFilters):
    state = FieldFilter(ChoiceField(queries.STATES), "What became of the line.", "state")


class ExternalLineList(OfStatement):
    """A statement's lines, in its order."""

    serializer_class = ExternalLineSerializer
    filterset_class = LineFilters
    ordering = "number"
    queryset = ExternalLine.objects.none()  # says what is listed

    def get_queryset(self) -> "QuerySet[Any]":
        return queries.lines(self.statement)


class OpenEntryList(OfStatement):
    """The account's entries on the statement's days that are in no match, newest first."""

    serializer_class = OpenEntrySerializer
    filterset_class = None
    queryset = ExternalMatch.objects.none()

    def filter_queryset(self, queryset: QuerySet[Any]) -> Any:
        super().filter_queryset(queryset)
        return queries.OpenEntries(self.statement)


class ExternalMatchList(OfStatement):
    """A statement's matches, newest first, also those that were undone."""

    serializer_class = ExternalMatchSerializer
    queryset = ExternalMatch.objects.none()

    def get_queryset(self) -> QuerySet[ExternalMatch]:
        return queries.matches(self.statement)


class AdjustmentFilters(ListFilters):
    status = FieldFilter(ChoiceField(tuple(ExternalAdjustment.Status.values)), "What became of it.", "status")


class AdjustmentList(ListView):
    """Adjustments, newest first."""

    serializer_class = AdjustmentSerializer
    filterset_class = AdjustmentFilters

    def get_queryset(self) -> QuerySet[ExternalAdjustment]:
        return queries.adjustments(self.tenant)
