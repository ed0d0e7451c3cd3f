"""The payments that an account has authorised: what became of each, and taking back what nobody works for yet."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.serializers import MinorUnits
from holds import queries
from holds.agents import facts_of
from holds.models import PaymentAuthorization
from holds.x402 import payments as x402
from holds.x402.api import FACILITATING, Facilitator
from holds.x402.rows import SCHEMES
from ledger_project.kernel import ids
from ledger_project.kernel.errors import Forbidden
from ledger_project.kernel.fields import ChoiceField, TextField, parse_all
from ledger_project.log.command import COMMANDS
from ledger_project.web.api.authentication import Principal, caller
from ledger_project.web.api.commands import reply
from ledger_project.web.api.filters import FieldFilter, ListFilters
from ledger_project.web.api.parsing import read_object
from ledger_project.web.api.permissions import X402_PAY
from ledger_project.web.api.sight import Rows
from ledger_project.web.api.views import ListView


class AuthorizationSerializer(serializers.Serializer[PaymentAuthorization]):
    """A payment that was authorised."""

    id = serializers.CharField()
    scheme = serializers.ChoiceField(SCHEMES)
    account = serializers.CharField(help_text="Who pays.")
    counterparty = serializers.CharField(help_text="Who is paid.")
    currency = serializers.CharField()
    amount = MinorUnits(help_text="What may be taken at most; of `exact`, what is taken.")
    nonce = serializers.CharField(help_text="The payer's name of the payment.")
    api_key = serializers.CharField(allow_null=True, help_text="By which key it was authorised.")
    session_key = serializers.CharField(allow_null=True)
    hold = serializers.CharField(allow_null=True, help_text="Of `upto`, what is set aside for it.")
    resource = serializers.CharField(help_text="What it is for: a URL.")
    status = serializers.ChoiceField(
        PaymentAuthorization.Status.choices, help_text="An open or claimed one is worth nothing after `expires_at`."
    )
    claim = serializers.CharField(allow_null=True, help_text="Under which name a server works for it.")
    settled = MinorUnits(allow_null=True, help_text="What was taken.")
    expires_at = serializers.DateTimeField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()

    def to_representation(self, instance: PaymentAuthorization) -> dict[str, Any]:
        return queries.show_authorization(instance)


class AuthorizationFilters(ListFilters):
    account = FieldFilter(TextField(), "The id or name of the account that pays.", method="of_account")
    counterparty = FieldFilter(TextField(), "The id or name of the account that is paid.", method="of_counterparty")
    status = FieldFilter(ChoiceField(tuple(PaymentAuthorization.Status.values)), "The status.", "status")

    def of_account(
        self, queryset: QuerySet[PaymentAuthorization], name: str, value: str
    ) -> QuerySet[PaymentAuthorization]:
        return queries.of_account(queryset, caller(self.request).tenant, "account", value)

    def of_counterparty(
        self, queryset: QuerySet[PaymentAuthorization], name: str, value: str
    ) -> QuerySet[PaymentAuthorization]:
        return queries.of_account(queryset, caller(self.request).tenant, "counterparty", value)


class AuthorizationList(ListView):
    """Payments that were authorised, newest first; a key of an account sees what that account authorised."""

    serializer_class = AuthorizationSerializer
    filterset_class = AuthorizationFilters
    for_account_keys = Rows("account")
    account_scopes = (X402_PAY,)

    def get_queryset(self) -> QuerySet[PaymentAuthorization]:
        return queries.authorizations(self.tenant)


class CancelAuthorization(Facilitator):
    """A payer takes back what nobody has claimed."""

    scopes = (X402_PAY,)
    refuses = (*FACILITATING, *COMMANDS["cancel_payment"].refuses)

    @extend_schema(
        operation_id="x402_cancel",
        summary="Take back a payment that the key's own account authorised and nobody has claimed.",
        request=None,
        responses={200: AuthorizationSerializer},
    )
    def post(self, request: Request) -> Response:
        raise AssertionError("served by the short way")

    def answer(self, principal: Principal, request: HttpRequest, **named: str) -> HttpResponse:
        if principal.account is None:
            raise Forbidden(reason="an account's own key takes its payments back, and this key is no account's")
        parse_all({}, {}, read_object(request))
        payer = facts_of(principal.tenant, ids.show("acc", principal.account))
        return reply(x402.cancel(principal, payer, named["nonce"]), status=200)
