"""Commands over HTTP: one class serves any of them.

    path_of("v1/transfers", post="transfer", get=TransferList)
    path_of("v1/accounts/<str:account>/freeze", post="freeze_account", makes={"account": "Account"})

The path's and the body's fields are the command's arguments. DRF describes these views and serves the GETs beside them;
a command itself takes the short way through `dispatch`, because DRF's request, negotiation and renderers cost more than
half of all that is left (docs/api.md has the numbers).
"""

import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, ClassVar

import orjson
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path
from django.utils.module_loading import import_string
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from ledger_project.kernel.errors import InvalidRequest, Refusal, UnknownField
from ledger_project.log import deadline
from ledger_project.log.caller import Caller
from ledger_project.log.command import COMMANDS, Command
from ledger_project.log.executor import Call, Done, execute_one, look
from ledger_project.log.unit import Look
from ledger_project.web.api import problems
from ledger_project.web.api.authentication import Principal, authenticate
from ledger_project.web.api.errors import MethodNotAllowed, NotAuthenticated
from ledger_project.web.api.parsing import read_object
from ledger_project.web.api.sight import require_light_open
from ledger_project.web.api.throttling import take
from ledger_project.web.api.waiting import answer_when_sealed

REPLAYED = "Idempotent-Replayed"
_SECONDS = re.compile(r"[0-9]{1,6}(\.[0-9]{1,3})?")
# A JSON schema, or a serializer, or the name of one that another operation shows.
Shape = str | dict[str, Any] | type[Serializer[Any]]
Answers = Callable[[Sequence[Done], Look, str | None], list[dict[str, Any]]]


@lru_cache(maxsize=1)
def _answers() -> Answers:
    """What is answered speaks of accounts, an app above this layer, so it is named in the settings."""
    found: Answers = import_string(settings.API_ANSWERS)
    return found


@lru_cache(maxsize=1)
def _short() -> Callable[[int, Refusal], dict[str, Any]]:
    """As above: where money comes from is known to an app above this layer."""
    found: Callable[[int, Refusal], dict[str, Any]] = import_string(settings.API_SHORT)
    return found


def told_more(refusals: Sequence[Refusal], tenant: int) -> None:
    """Add to refusals what helps their reader on: to one for want of money, where to top up."""
    known: dict[Any, dict[str, Any]] = {}
    for refusal in refusals:
        if refusal.status == 402:
            account = refusal.facts.get("account")
            if account not in known:
                known[account] = _short()(tenant, refusal)
            refusal.facts.update(known[account])


def answers_of(dones: Sequence[Done], caller: Caller) -> list[dict[str, Any]]:
    """The bodies that answer accepted calls, in order, with as much of them as the caller may see."""
    return _answers()(dones, look, caller.account_ref) if dones else []


class LightView(APIView):
    """A view with methods that take the short way; those that do not are DRF's."""

    @property
    def light_methods(self) -> Collection[str]:
        raise NotImplementedError

    def serve(self, request: HttpRequest, named: dict[str, str]) -> HttpResponse:
        raise NotImplementedError

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            if request.method in self.light_methods:
                if request.method == "GET":
                    require_light_open(self, request)
                with deadline.within(seconds_for(request)):
                    return self.serve(request, kwargs)
            if request.method not in self.allowed_methods:
                raise MethodNotAllowed(allow=self.allowed_methods)
            return super().dispatch(request, *args, **kwargs)
        except Exception as error:
            refusal = problems.refusal_of(error)
            if refusal is None:
                raise
            principal = getattr(request, "principal", None)
            if principal:
                told_more([refusal], principal.tenant)
            return problems.respond(refusal)

    @property
    def allowed_methods(self) -> list[str]:
        reads = [method for method in super().allowed_methods if method != "OPTIONS"]
        return list(dict.fromkeys([*reads, *self.light_methods]))


class CommandView(LightView):
    """The methods of one address that are commands."""

    commands: ClassVar[Mapping[str, str]] = {}
    makes: ClassVar[Mapping[str, Shape]] = {}  # the answer's nouns
    hidden: ClassVar[frozenset[str]] = frozenset()  # arguments that the interface gives and the caller must not

    @property
    def light_methods(self) -> Collection[str]:
        return self.commands.keys()

    def serve(self, request: HttpRequest, named: dict[str, str]) -> HttpResponse:
        """Read, do, write."""
        command = COMMANDS[self.commands[request.method or ""]]
        principal = admit(request)
        command.require(principal.caller)
        options = read_options(request)
        raw = self.arguments(command, read_object(request), named)
        call = Call.of(principal.tenant, principal.caller, idempotency_key(request), command, raw)
        done = execute_one(call, dry_run=options.dry_run)
        body = self.answer(done, principal.caller)
        made = partial(reply, body, status=200 if done.dry_run else 201, replayed=done.replayed)
        return answer_when_sealed([body], request, made) if options.wait else made()

    def arguments(self, command: Command, body: dict[str, Any], named: dict[str, str]) -> dict[str, Any]:
        """The command's arguments; those in the path have no second spelling in the body."""
        for name in body:
            if name in named or name in self.hidden:
                raise UnknownField(field=name[:300])
        return {**body, **named}

    def answer(self, done: Done, caller: Caller) -> dict[str, Any]:
        return answers_of([done], caller)[0]


def seconds_for(request: HttpRequest) -> float:
    """How long a request may take: `Request-Timeout`, and no longer than any may. Refuses: InvalidRequest."""
    asked: str | None = request.META.get("HTTP_REQUEST_TIMEOUT")
    if asked is None:
        return settings.CALL_SECONDS
    if not _SECONDS.fullmatch(asked):
        raise InvalidRequest(field="Request-Timeout", reason="not a number of seconds such as 2 or 0.5")
    return min(float(asked), settings.CALL_SECONDS)


def admit(request: HttpRequest) -> Principal:
    """The caller, counted. Refuses: NotAuthenticated, RateLimited."""
    principal = authenticate(request)
    if principal is None:
        raise NotAuthenticated()
    request.principal = principal  # type: ignore[attr-defined]  # whom a refusal may be told more
    take(principal, request)
    return principal


def idempotency_key(request: HttpRequest) -> str | None:
    """The header's text, the same as the same key in a JSON body. Refuses: InvalidRequest."""
    header: str | None = request.META.get("HTTP_IDEMPOTENCY_KEY")
    if header is None or header.isascii():
        return header
    try:
        return header.encode("latin-1").decode()
    except UnicodeError as error:
        raise InvalidRequest(field="idempotency_key", reason="not UTF-8") from error


@dataclass(frozen=True, slots=True)
class Options:
    """What the query asks for: a rehearsal, or an answer that has the event's place in the log."""

    dry_run: bool = False
    wait: bool = False


def read_options(request: HttpRequest, *own: str) -> Options:
    """`?dry_run=` and `?wait=`, beside the call's `own`; a rehearsal has nothing to wait for.

    Refuses: UnknownField, InvalidRequest.
    """
    if not request.META.get("QUERY_STRING"):
        return Options()
    for name, values in request.GET.lists():
        if name not in {"dry_run", "wait", *own}:
            raise UnknownField(field=name[:300], reason="not a query parameter of this call")
        if len(values) > 1:
            raise InvalidRequest(field=name, reason="given twice")
    if request.GET.get("wait", "sealed") != "sealed":
        raise InvalidRequest(field="wait", reason="not one of sealed")
    dry_run = request.GET.get("dry_run", "false")
    if dry_run not in {"true", "false"}:
        raise InvalidRequest(field="dry_run", reason="not true or false")
    return Options(dry_run == "true", "wait" in request.GET and dry_run == "false")


def reply(body: dict[str, Any], *, status: int, replayed: bool = False) -> HttpResponse:
    """A JSON reply; `replayed` says that the call had been accepted before."""
    try:
        text = orjson.dumps(body)
    except TypeError:  # half a character, which the problem of a batch's command repeats
        text = json.dumps(body).encode()
    response = HttpResponse(text, status=status, content_type="application/json")
    response.headers["Cache-Control"] = "no-store"
    if replayed:
        response.headers[REPLAYED] = "true"
    return response


def path_of(
    address: str,
    *,
    get: type[APIView] | None = None,
    view: type[CommandView] = CommandView,
    makes: Mapping[str, Shape] | None = None,
    **commands: str,
) -> URLPattern:
    """One address: a view that reads, and commands by method (`post="transfer"`, `put="set_credit_limit"`).

    `<str:account>` in the address becomes the command's argument of that name.
    """
    methods = {method.upper(): name for method, name in commands.items()}
    unknown = [name for name in methods.values() if name not in COMMANDS]
    if unknown:
        raise LookupError(f"{address} names no command: {unknown}")
    name = next(iter(methods.values()))
    bases = (view, get) if get else (view,)
    attributes: dict[str, Any] = {"commands": methods, "makes": makes or {}, "__doc__": get.__doc__ if get else None}
    attributes |= dict.fromkeys(commands, view.serve)  # DRF's schema generator looks for them
    endpoint: type[CommandView] = type("".join(part.title() for part in name.split("_")), bases, attributes)
    return path(address, endpoint.as_view(), name=name)
