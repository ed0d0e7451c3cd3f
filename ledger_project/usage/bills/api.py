"""An account's bill, in five forms."""

from typing import Any

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request

from accounts.api.serializers import MinorUnits
from accounts.errors import AccountNotFound
from journal.api.moments import found
from journal.exports.api import Csv
from journal.exports.reading import Period
from journal.statements.api import Html, Pdf, PeriodSerializer
from ledger_project.kernel.fields import ChoiceField
from ledger_project.usage.bills.formats import FORMS
from ledger_project.usage.bills.reading import bill
from ledger_project.web.api.filters import require_known
from ledger_project.web.api.sight import Named
from ledger_project.web.pages.proofs import ProofView

FORM = ChoiceField(tuple(FORMS))
EXACT = "A decimal of minor units, exactly."


class BillLineSerializer(serializers.Serializer[Any]):
    day = serializers.DateField(help_text="On which it was used, in UTC.")
    book = serializers.CharField()
    version = serializers.IntegerField()
    model = serializers.CharField()
    metric = serializers.CharField(help_text="`minimum` is what a book's minimum adds.")
    price = serializers.CharField()
    corrects = serializers.BooleanField(help_text="Whether it puts right what was recorded before.")
    quantity = serializers.CharField()
    requests = serializers.IntegerField()
    exact_cost = serializers.CharField(help_text=EXACT)


class BillBookSerializer(serializers.Serializer[Any]):
    book = serializers.CharField()
    exact_cost = serializers.CharField(help_text=EXACT)
    carried_in = serializers.CharField(help_text="What was less than one minor unit before the period.")
    carried_out = serializers.CharField(help_text="What is, after it.")
    due = MinorUnits(help_text="`carried_in` and `exact_cost`, less `carried_out`.")


class GrantUsedSerializer(serializers.Serializer[Any]):
    grant = serializers.CharField()
    amount = MinorUnits(help_text="What it paid, less what came back to it.")


class BillSerializer(serializers.Serializer[Any]):
    """What an account used in a period, what it cost, and how it was paid, by time of recording."""

    account = serializers.CharField()
    name = serializers.CharField()
    currency = serializers.CharField()
    scale = serializers.IntegerField()
    period = PeriodSerializer()
    lines = BillLineSerializer(many=True)
    books = BillBookSerializer(many=True)
    requests = serializers.IntegerField(help_text="Recorded in the period.")
    due = MinorUnits(help_text="What the books' sums come to.")
    uncovered = MinorUnits(help_text="What of it was not there to take, less what was collected since.")
    charged = MinorUnits(help_text="`due` less `uncovered`: the sum of the statement's lines about usage.")
    corrected = MinorUnits(help_text="What of it are corrections.")
    collected = MinorUnits(help_text="What of it was due before and was taken later.")
    grants = GrantUsedSerializer(many=True)
    balance = serializers.DictField(child=MinorUnits(), help_text="What the account had then, by bucket.")


class AccountBill(ProofView):
    """The bill of an account for a period, by time of recording: as JSON, CSV, FOCUS, PDF or a page to print.

    Of a period that is over it never changes. `docs/usage.md`.
    """

    for_account_keys = Named("account")
    renderer_classes = (JSONRenderer, Csv, Pdf, Html)
    refuses = (AccountNotFound,)

    @extend_schema(
        operation_id="account_bill",
        parameters=[
            OpenApiParameter("period", OpenApiTypes.STR, description="A year, a month or a day of UTC: `2026-10`."),
            OpenApiParameter("format", OpenApiTypes.STR, enum=[*FORMS], description="Or say it in `Accept`."),
        ],
        responses={
            (200, "application/json"): BillSerializer,
            (200, "text/csv"): OpenApiResponse(OpenApiTypes.STR, "A row for each line; `focus` has FOCUS' columns."),
            (200, "application/pdf"): OpenApiResponse(OpenApiTypes.BINARY, "The bill to print and to file."),
            (200, "text/html"): OpenApiResponse(OpenApiTypes.STR, "A page to print."),
        },
    )
    def get(self, request: Request, account: str) -> HttpResponse:
        require_known(request, ("period", "format"))
        query: Any = request.query_params
        period = Period.asked(period=query.get("period"), since=None, until=None)
        asked = query.get("format")
        name = FORM.parse(asked, "format") if asked is not None else request.accepted_renderer.format
        form, facts = FORMS[name], found(self.tenant, account)
        reply = HttpResponse(form.make(bill(facts, period)), content_type=form.content_type)
        reply.headers["Cache-Control"] = "no-store"
        if form.ending:
            since = period.since.strftime("-%Y-%m-%d") if period.since else ""
            reply.headers["Content-Disposition"] = f'attachment; filename="bill-{facts.ref}{since}.{form.ending}"'
        return reply
