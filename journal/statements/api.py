"""Statements: any account, any period, in four forms."""

from typing import Any

from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request

from accounts.api.serializers import BucketsSerializer, MinorUnits
from accounts.errors import AccountNotFound
from accounts.rows import AccountFacts, account_key, look_up
from journal.api.moments import found
from journal.errors import StatementTooLong
from journal.exports.api import Csv
from journal.exports.reading import Period
from journal.models import IssuedStatement
from journal.statements.documents import balances
from journal.statements.formats import FORMS, chunks
from ledger_project.kernel import clock, ids
from ledger_project.kernel.fields import ChoiceField, MomentField, TextField
from ledger_project.log.executor import look
from ledger_project.web.api.authentication import caller
from ledger_project.web.api.filters import FieldFilter, ListFilters, require_known
from ledger_project.web.api.sight import Named, Rows
from ledger_project.web.api.views import ListView
from ledger_project.web.pages.proofs import HEX, ProofView

FORM = ChoiceField(tuple(FORMS))


class Pdf(BaseRenderer):
    """Lets `Accept` ask for the statement as it is; it is never rendered."""

    media_type, format = "application/pdf", "pdf"


class Html(Pdf):
    media_type, format = "text/html", "html"


class StandSerializer(BucketsSerializer):
    posted = MinorUnits()


class PeriodSerializer(serializers.Serializer[Any]):
    to = serializers.DateTimeField(allow_null=True, help_text="Recorded before this time; null is now.")

    def get_fields(self) -> dict[str, Any]:
        """`from` is the name on the wire, and a word of Python's."""
        return {"from": serializers.DateTimeField(allow_null=True), **super().get_fields()}


class LogRangeSerializer(serializers.Serializer[Any]):
    to = serializers.IntegerField(help_text="The index behind the last leaf.")

    def get_fields(self) -> dict[str, Any]:
        """Two more whose names are words of Python's or of the serializer's own."""
        first = serializers.IntegerField(help_text="The index of the first leaf.")
        root = serializers.CharField(allow_null=True, help_text="The root of the log of `to` leaves, in hex.")
        return {"from": first, **super().get_fields(), "root": root}


class StatementLineSerializer(serializers.Serializer[Any]):
    entry = serializers.CharField()
    log_index = serializers.IntegerField(allow_null=True)
    content_hash = serializers.CharField(help_text=HEX)
    recorded_at = serializers.DateTimeField()
    effective_at = serializers.DateTimeField()
    kind = serializers.CharField()
    description = serializers.CharField()
    references = serializers.DictField(child=serializers.CharField())
    bucket = serializers.CharField()
    amount = MinorUnits(help_text="Positive is more in the bucket.")
    balance = MinorUnits(help_text="In the bucket after this line.")
    posted = MinorUnits(help_text="In the account after this line.")


class IssuedSerializer(serializers.Serializer[Any]):
    id = serializers.CharField()
    event = serializers.CharField(help_text="The event that issued it; its receipt proves it.")
    hash = serializers.CharField(help_text="What its hash was then, and must be now.")


class StatementSerializer(serializers.Serializer[Any]):
    """What an account had, every posting, and what it had then, by time of recording."""

    version = serializers.IntegerField()
    account = serializers.CharField()
    name = serializers.CharField()
    type = serializers.CharField()
    normal_balance = serializers.CharField()
    currency = serializers.CharField()
    scale = serializers.IntegerField()
    period = PeriodSerializer()
    opening = StandSerializer()
    lines = StatementLineSerializer(many=True)
    closing = StandSerializer()
    total_in = MinorUnits()
    total_out = MinorUnits()
    count = serializers.IntegerField(help_text="Of lines.")
    lines_hash = serializers.CharField(help_text="SHA-256 of the lines in canonical JSON, a newline after each.")
    log = LogRangeSerializer()
    hash = serializers.CharField(
        help_text="SHA-256 of this document in canonical JSON without `lines`, `hash` and `issued`."
    )
    issued = IssuedSerializer(allow_null=True, help_text="Null until beat issues the statement of this period.")


class IssuedStatementSerializer(serializers.Serializer[Any]):
    """The head and the sums of a statement that was issued."""

    id = serializers.CharField()
    event = serializers.CharField()
    account = serializers.CharField()
    name = serializers.CharField()
    currency = serializers.CharField()
    scale = serializers.IntegerField()
    period = PeriodSerializer()
    opening = StandSerializer()
    closing = StandSerializer()
    total_in = MinorUnits()
    total_out = MinorUnits()
    count = serializers.IntegerField(help_text="Of lines.")
    lines_hash = serializers.CharField(help_text=HEX)
    log = LogRangeSerializer()
    hash = serializers.CharField(help_text=HEX)

    def to_representation(self, instance: IssuedStatement) -> dict[str, Any]:
        account, root = instance.account, instance.log_root
        return {
            "id": str(instance),
            "event": ids.show("evt", instance.id),
            "account": ids.show("acc", account.id),
            **{name: getattr(account, name) for name in ("name", "currency", "scale")},
            "period": {"from": clock.stamp(instance.since), "to": clock.stamp(instance.until)},
            "opening": balances([int(amount) for amount in instance.opening]),
            "closing": balances([int(amount) for amount in instance.closing]),
            "total_in": str(instance.total_in),
            "total_out": str(instance.total_out),
            "count": instance.lines,
            "lines_hash": bytes(instance.lines_hash).hex(),
            "log": {"from": instance.log_from, "to": instance.log_to, "root": root and bytes(root).hex()},
            "hash": bytes(instance.hash).hex(),
        }


class IssuedFilters(ListFilters):
    account = FieldFilter(TextField(), "An account's id or name.", method="of_account")

    def of_account(self, queryset: QuerySet[IssuedStatement], name: str, value: str) -> QuerySet[IssuedStatement]:
        key = account_key(value)
        facts = look_up(caller(self.request).tenant, [key], look).get(key)
        return queryset.filter(account=facts.id) if facts else queryset.none()


class IssuedStatementList(ListView):
    """The statements that were issued, one a month for every account, the newest first."""

    for_account_keys = Rows("account")
    serializer_class = IssuedStatementSerializer
    filterset_class = IssuedFilters

    def get_queryset(self) -> QuerySet[IssuedStatement]:
        return IssuedStatement.objects.filter(tenant=self.tenant).select_related("account")


class AccountStatement(ProofView):
    """The statement of an account for a period, by time of recording: as JSON, CSV, PDF or a page to print.

    What an account had at the end of a period is what it had at the beginning of the next. `docs/statements.md`.
    """

    for_account_keys = Named("account")
    renderer_classes = (JSONRenderer, Csv, Pdf, Html)
    refuses = (AccountNotFound, StatementTooLong)

    @extend_schema(
        operation_id="account_statement",
        parameters=[
            OpenApiParameter("period", OpenApiTypes.STR, description="A year, a month or a day of UTC: `2026-10`."),
            OpenApiParameter("from", OpenApiTypes.DATETIME, description="Recorded at this time or later."),
            OpenApiParameter("to", OpenApiTypes.DATETIME, description="Recorded before this time."),
            OpenApiParameter("format", OpenApiTypes.STR, enum=[*FORMS], description="Or say it in `Accept`."),
        ],
        responses={
            (200, "application/json"): StatementSerializer,
            (200, "text/csv"): OpenApiResponse(OpenApiTypes.STR, "A row for each line."),
            (200, "application/pdf"): OpenApiResponse(OpenApiTypes.BINARY, "The statement to print and to file."),
            (200, "text/html"): OpenApiResponse(OpenApiTypes.STR, "A page to print."),
        },
    )
    def get(self, request: Request, account: str) -> StreamingHttpResponse:
        require_known(request, ("period", "from", "to", "format"))
        query: Any = request.query_params
        times = {name: MomentField().parse(query[name], name) for name in ("from", "to") if name in query}
        period = Period.asked(period=query.get("period"), since=times.get("from"), until=times.get("to"))
        asked = query.get("format")
        form = FORM.parse(asked, "format") if asked is not None else request.accepted_renderer.format
        return streamed(form, found(self.tenant, account), period)


def streamed(form: str, account: AccountFacts, period: Period) -> StreamingHttpResponse:
    """A statement as a file, or as a page. Refuses: StatementTooLong."""
    pieces = chunks(form, account, period)
    if form == "pdf":
        pieces = iter([b"".join(pieces)])  # it is refused now or never
    reply = StreamingHttpResponse(pieces, content_type=FORMS[form].content_type)
    reply.headers["Cache-Control"] = "no-store"
    if form in ("csv", "pdf"):
        since = period.since.strftime("-%Y-%m-%d") if period.since else ""
        reply.headers["Content-Disposition"] = f'attachment; filename="statement-{account.ref}{since}.{form}"'
    return reply
