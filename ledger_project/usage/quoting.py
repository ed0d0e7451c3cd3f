"""What usage would cost: a price that nothing is written for."""

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import queries
from accounts.api.serializers import MinorUnits
from accounts.errors import AccountNotFound, CurrencyMismatch
from ledger_project.kernel import clock
from ledger_project.kernel.fields import Field, object_schema, parse_all
from ledger_project.kernel.identity import fold
from ledger_project.log.command import COMMANDS
from ledger_project.log.queries import read
from ledger_project.usage.books import in_force, lines_of, month_of, require_recent
from ledger_project.usage.errors import NoPrice, PriceBookNotFound, UnpricedMetric, UsageTooOld
from ledger_project.usage.models import Meter
from ledger_project.usage.pricing import settle, whole
from ledger_project.usage.rows import read_books
from ledger_project.web.api.errors import BodyTooLarge, LengthRequired, MalformedJson, UnsupportedMediaType
from ledger_project.web.api.guarded import Guarded
from ledger_project.web.api.parsing import read_object
from ledger_project.web.api.sight import Everybodys

ASKED: Mapping[str, Field] = {
    name: COMMANDS["record_usage"].fields[name] for name in ("account", "book", "model", "metrics", "at")
}
OPTIONAL = {"at": None}


class QuoteSerializer(serializers.Serializer[dict[str, Any]]):
    """What usage would cost."""

    book = serializers.CharField()
    version = serializers.IntegerField(help_text="The version of the book that prices it.")
    currency = serializers.CharField()
    model = serializers.CharField()
    lines = serializers.ListField(
        child=serializers.DictField(), help_text="By metric: quantity, the place of its rate, and its cost."
    )
    cost = MinorUnits(help_text="In units of 10⁻¹² minor units.")
    charge = MinorUnits(help_text="What would be charged now, with what the account carries in the book.")
    maximum = MinorUnits(help_text="What it can cost at most, wherever in a month's tiers it falls.")


class UsageQuote(Guarded):
    """What usage would cost now, or at a time; nothing is written."""

    http_method_names = ["post"]
    for_account_keys = Everybodys()
    refuses = (
        *(AccountNotFound, UsageTooOld, PriceBookNotFound, NoPrice, CurrencyMismatch, UnpricedMetric),
        *(LengthRequired, BodyTooLarge, UnsupportedMediaType, MalformedJson),
    )

    @extend_schema(
        operation_id="quote_usage",
        request={"application/json": object_schema(ASKED, OPTIONAL)},
        responses={200: QuoteSerializer},
    )
    def post(self, request: Request) -> Response:
        """Price usage without recording it, with what the account carries and has used of the month's tiers."""
        given = parse_all(ASKED, OPTIONAL, read_object(request._request))
        now = clock.now()
        at = given["at"] or now
        require_recent(at, now)
        facts = queries.facts(self.tenant, given["account"])
        if self.account not in (None, facts.id):
            raise AccountNotFound(account=given["account"])
        version = in_force(read_books(self.tenant, read), given["book"], at)
        if facts.currency != version.currency:
            raise CurrencyMismatch(account=facts.name, currency=facts.currency, expected=version.currency)
        meter = Meter.objects.filter(account=facts.id, book=fold(given["book"])).first()
        used = meter.counts.get(month_of(version, at), {}) if meter else {}
        priced = version.prices.price(given["model"], given["metrics"], used)
        return Response(
            {
                "book": version.book,
                "version": version.number,
                "currency": version.currency,
                "model": given["model"],
                "lines": lines_of(priced),
                "cost": str(priced.cost),
                "charge": str(settle(int(meter.remainder) if meter else 0, priced.cost)[0]),
                "maximum": str(whole(version.prices.most(given["model"], given["metrics"]))),
            }
        )
