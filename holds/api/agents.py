"""The agent platform's addresses: the same commands and queries, in that platform's words."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import queries as accounts
from accounts.api.serializers import EventSerializer
from accounts.errors import AccountNotFound
from accounts.rows import AccountFacts
from holds import agents, queries
from holds.errors import AgentCurrencyNotSet
from journal.api.read_views import HistoryFilters, SearchView
from ledger_project.kernel.fields import Field, TextField, parse_all
from ledger_project.log.caller import Caller
from ledger_project.log.command import COMMANDS, Command
from ledger_project.log.executor import Call, execute_one
from ledger_project.web.api.commands import LightView, admit, answers_of, idempotency_key, read_options, reply
from ledger_project.web.api.filters import FieldFilter
from ledger_project.web.api.openapi import WRITING
from ledger_project.web.api.pagination import KeysetPagination
from ledger_project.web.api.parsing import read_object
from ledger_project.web.api.sight import Sight
from ledger_project.web.api.views import DetailView
from ledger_project.web.api.waiting import answer_when_sealed

DECIMAL = TextField(maximum=80, pattern=r"[0-9]+(\.[0-9]+)?")
ADDRESS, HASH = TextField(), TextField()
CURRENCY = TextField(maximum=32)


class Decimal(serializers.CharField):
    """A decimal number with as many decimals as the currency has, as a string."""


class AgentBalanceSerializer(serializers.Serializer[dict[str, Any]]):
    """What an agent has."""

    agentAddr = serializers.CharField()
    currency = serializers.CharField()
    available = Decimal(help_text="Can be spent.")
    pending = Decimal(help_text="`held` and `pendingDeposits` together.")
    held = Decimal(help_text="Promised by holds and withdrawals under way.")
    pendingDeposits = Decimal(help_text="Announced, and not yet confirmed.")
    escrowed = Decimal(help_text="Locked in escrow awaiting service delivery.")
    bonded = Decimal()
    promo = Decimal()
    creditLimit = Decimal()
    creditUsed = Decimal()
    totalIn = Decimal()
    totalOut = Decimal()
    updatedAt = serializers.DateTimeField()
    balances = serializers.ListField(
        child=serializers.DictField(), help_text="The same members of each of the agent's accounts, one a currency."
    )

    def to_representation(self, instance: dict[str, Any]) -> dict[str, Any]:
        return instance


class AgentEntrySerializer(serializers.Serializer[dict[str, Any]]):
    """A ledger entry as one agent sees it."""

    id = serializers.CharField()
    agentAddr = serializers.CharField()
    type = serializers.CharField(help_text="The kind of entry: deposit, withdrawal, spend, refund, hold, capture …")
    direction = serializers.ChoiceField(["in", "out", "none"])
    amount = Decimal(help_text="What the agent gained or lost, else what moved between its own buckets.")
    txHash = serializers.CharField(allow_null=True)
    reference = serializers.CharField(allow_null=True)
    description = serializers.CharField()
    createdAt = serializers.DateTimeField()

    def to_representation(self, instance: dict[str, Any]) -> dict[str, Any]:
        return agents.show_entry(instance, self.context["facts"])


class AnAgentsOwn(Sight):
    """One of the accounts under an agent's address."""

    says = "the account itself"

    def admit(self, view: Any, caller: Caller) -> None:
        """Refuses: AccountNotFound."""
        agents.facts_of(view.tenant, view.kwargs["address"], only=caller.account)

    def narrow(self, many: Any, caller: Caller) -> Any:
        return many

    def shows(self, one: Any, caller: Caller) -> bool:
        return True


IN_CURRENCY = OpenApiParameter("currency", str, description="The code of a currency. Default: the agents' own.")


@extend_schema_view(get=extend_schema(parameters=[IN_CURRENCY]))
class AgentBalance(DetailView):
    """An agent's balance in a currency, by default the agents' own; `balances` has all that the agent has."""

    for_account_keys = AnAgentsOwn()
    refuses = (AccountNotFound,)
    serializer_class = AgentBalanceSerializer
    parameters = ("currency",)

    def get_object(self) -> dict[str, Any]:
        asked = self.request.query_params.get("currency")
        currency = None if asked is None else CURRENCY.parse(asked, "currency")
        address = self.kwargs["address"]
        chosen = agents.facts_of(self.tenant, address, currency, self.account)
        shown = {facts.id: self._show(facts) for facts in agents.accounts_of(self.tenant, address, self.account)}
        return {**shown[chosen.id], "balances": list(shown.values())}

    def _show(self, facts: AccountFacts) -> dict[str, Any]:
        total = accounts.total(self.tenant, facts.ref)
        return agents.show_balance(total, queries.announced(total.pk))


class Entries(KeysetPagination):
    """A page under the name that the platform has for it."""

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"entries": data, "next": self.next})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        described = super().get_paginated_response_schema(schema)
        properties = {"entries": schema, "next": described["properties"]["next"]}
        return {**described, "required": ["entries", "next"], "properties": properties}


class AgentFilters(HistoryFilters):
    currency = FieldFilter(CURRENCY, "The code of a currency. Default: the agents' own.")

    def filter_queryset(self, queryset: Any) -> Any:
        """The currency says which of the agent's accounts it is, which the view finds."""
        currency = self.form.cleaned_data.pop("currency")
        return replace(super().filter_queryset(queryset), account=currency)


class AgentLedger(SearchView):
    """An agent's ledger entries in a currency, newest first."""

    for_account_keys = AnAgentsOwn()
    refuses = (AccountNotFound,)
    serializer_class = AgentEntrySerializer  # type: ignore[assignment]
    filterset_class = AgentFilters
    pagination_class = Entries

    def filter_queryset(self, queryset: Any) -> Any:
        search: Any = super().filter_queryset(queryset)
        self.facts = agents.facts_of(self.tenant, self.kwargs["address"], search.account, self.account)
        return replace(search, account=self.facts.ref)

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "facts": getattr(self, "facts", None)}


class AgentWithdrawalRequest(serializers.Serializer[Any]):
    amount = Decimal()
    currency = serializers.CharField(required=False, help_text="Default: the agents' currency.")


class AgentWithdrawalSerializer(serializers.Serializer[Any]):
    id = serializers.CharField()
    agentAddr = serializers.CharField()
    amount = Decimal()
    destination = serializers.CharField()
    status = serializers.ChoiceField(["pending", "confirmed", "failed"])
    txHash = serializers.CharField(allow_null=True)
    createdAt = serializers.DateTimeField()


class AgentWithdrawalAnswer(serializers.Serializer[Any]):
    event = EventSerializer()
    withdrawal = AgentWithdrawalSerializer()


class ChainDepositRequest(serializers.Serializer[Any]):
    agentAddress = serializers.CharField()
    amount = Decimal()
    txHash = serializers.CharField()
    currency = serializers.CharField(required=False, help_text="Default: the agents' currency.")


class ChainDepositSerializer(serializers.Serializer[Any]):
    id = serializers.CharField()
    agentAddr = serializers.CharField()
    amount = Decimal()
    txHash = serializers.CharField()
    status = serializers.ChoiceField(["announced", "failed", "confirmed"])
    createdAt = serializers.DateTimeField()


class ChainDepositAnswer(serializers.Serializer[Any]):
    event = EventSerializer()
    deposit = ChainDepositSerializer()


class AgentCommand(LightView):
    """One POST that is a command: its words are translated in, and its answer out."""

    command: ClassVar[str]
    fields: ClassVar[Mapping[str, Field]]

    @property
    def light_methods(self) -> Collection[str]:
        return ("POST",)

    def serve(self, request: HttpRequest, named: dict[str, str]) -> HttpResponse:
        command: Command = COMMANDS[self.command]
        principal = admit(request)
        command.require(principal.caller)
        options = read_options(request)
        words = parse_all(self.fields, {"currency": None}, read_object(request))
        raw = self.translate(principal.tenant, words, named)
        call = Call.of(principal.tenant, principal.caller, idempotency_key(request), command, raw)
        done = execute_one(call, dry_run=options.dry_run)
        answer = answers_of([done], principal.caller)[0]
        rehearsed = {"dry_run": True} if done.dry_run else {}
        body = {"event": answer["event"], **self.show(principal.tenant, answer, call), **rehearsed}
        made = partial(reply, body, status=200 if done.dry_run else 201, replayed=done.replayed)
        return answer_when_sealed([body], request, made) if options.wait else made()

    def translate(self, tenant: int, words: dict[str, Any], named: dict[str, str]) -> dict[str, Any]:
        """The command's arguments."""
        raise NotImplementedError

    def show(self, tenant: int, answer: dict[str, Any], call: Call) -> dict[str, Any]:
        """What the command made, in the platform's words."""
        raise NotImplementedError


WRITES = [
    OpenApiParameter(
        "Idempotency-Key", location=OpenApiParameter.HEADER, required=True, description="Names this call."
    ),
    OpenApiParameter("dry_run", bool, description="Answer as if the call were accepted, and store nothing."),
    OpenApiParameter("wait", str, enum=["sealed"], description="Answer when the event has its place in the log."),
]


class AgentWithdrawal(AgentCommand):
    """An agent's withdrawal to its own address."""

    command = "request_withdrawal"
    fields = {"amount": DECIMAL, "currency": CURRENCY}
    refuses = (*WRITING, *COMMANDS["request_withdrawal"].refuses)

    @extend_schema(
        summary="Withdraw an agent's money to its address.",
        parameters=WRITES,
        request=AgentWithdrawalRequest,
        responses={201: AgentWithdrawalAnswer},
    )
    def post(self, request: Request, address: str) -> Response:
        raise AssertionError("served by the short way")

    def translate(self, tenant: int, words: dict[str, Any], named: dict[str, str]) -> dict[str, Any]:
        facts = agents.facts_of(tenant, named["address"], words["currency"])
        amount = agents.minor_units(words["amount"], facts.scale)
        return {"account": facts.name, "amount": amount, "destination": agents.address_of(facts.name)}

    def show(self, tenant: int, answer: dict[str, Any], call: Call) -> dict[str, Any]:
        facts = accounts.facts(tenant, call.arguments["account"])
        address = agents.address_of(facts.name)
        return {"withdrawal": agents.show_withdrawal(answer["withdrawal"], address, facts.scale)}


class ChainDeposit(AgentCommand):
    """A deposit that was seen on the chain; the agent's account is opened by its first."""

    command = "record_deposit"
    fields = {"agentAddress": ADDRESS, "amount": DECIMAL, "txHash": HASH, "currency": CURRENCY}
    refuses = (*WRITING, AgentCurrencyNotSet, *COMMANDS["record_deposit"].refuses)

    @extend_schema(
        summary="Record a deposit by its transaction hash.",
        parameters=WRITES,
        request=ChainDepositRequest,
        responses={201: ChainDepositAnswer},
    )
    def post(self, request: Request) -> Response:
        raise AssertionError("served by the short way")

    def translate(self, tenant: int, words: dict[str, Any], named: dict[str, str]) -> dict[str, Any]:
        name, currency, scale = agents.account_for(tenant, words["agentAddress"], words["currency"])
        return {
            "account": name,
            "currency": currency,
            "amount": agents.minor_units(words["amount"], scale),
            "source": agents.SOURCE,
            "external_ref": words["txHash"],
            "open_account": True,
        }

    def show(self, tenant: int, answer: dict[str, Any], call: Call) -> dict[str, Any]:
        name, currency = call.arguments["account"], call.arguments["currency"]
        address = agents.address_of(name)
        _, _, scale = agents.account_for(tenant, address, currency)
        return {"deposit": agents.show_deposit(answer["deposit"], address, scale)}
