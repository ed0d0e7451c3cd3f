"""Many commands in one request: `POST /v1/bulk`."""

import logging
from functools import cache, partial
from typing import Any

from django.http import HttpRequest, HttpResponse

from ledger_project.kernel.errors import InvalidRequest, Refusal, UnknownField
from ledger_project.kernel.fields import Field, FlagField, ListField, TextField, parse_all
from ledger_project.log import executor
from ledger_project.log.caller import Caller
from ledger_project.log.command import COMMANDS
from ledger_project.log.executor import MAX_BATCH, Call, Done
from ledger_project.web.api import problems
from ledger_project.web.api.authentication import Principal
from ledger_project.web.api.commands import LightView, admit, answers_of, read_options, reply, told_more
from ledger_project.web.api.errors import BatchRefused, InternalError
from ledger_project.web.api.parsing import read_object
from ledger_project.web.api.waiting import answer_when_sealed

log = logging.getLogger(__name__)


class CommandField(Field):
    """One command of a batch; what is wrong inside is that command's own refusal, not the batch's."""

    def parse(self, raw: Any, name: str) -> dict[str, Any]:
        if not isinstance(raw, dict):
            raise InvalidRequest(field=name, reason="not an object")
        for part in raw:
            if part not in {"command", "idempotency_key", "args"}:
                raise UnknownField(field=f"{name}.{part}"[:300])
        return raw

    def schema(self) -> dict[str, Any]:
        return {
            "type": "object",
            "properties": {
                "command": {"type": "string", "enum": sorted(bulk_commands())},
                "idempotency_key": TextField().schema(),
                "args": {"type": "object", "description": "The command's arguments, those of its path included."},
            },
            "required": ["command", "idempotency_key", "args"],
            "additionalProperties": False,
        }


FIELDS: dict[str, Field] = {
    "commands": ListField(CommandField(), maximum=MAX_BATCH, minimum=1),
    "atomic": FlagField(),
    "dry_run": FlagField(),
}
OPTIONAL = {"atomic": True, "dry_run": False}


@cache
def bulk_commands() -> frozenset[str]:
    """The commands that a batch can have: callers' own, whose arguments are all the caller's."""
    return frozenset(name for name, command in COMMANDS.items() if not (command.secrets or command.internal))


class BulkView(LightView):
    """Up to 1,000 commands: all or none of them (`atomic`), or each for itself."""

    light_methods = ("POST",)

    def serve(self, request: HttpRequest, named: dict[str, str]) -> HttpResponse:
        principal = admit(request)
        options = read_options(request)
        batch = parse_all(FIELDS, OPTIONAL, read_object(request))
        dry_run = options.dry_run or batch["dry_run"]
        calls = [_call(principal, index, item) for index, item in enumerate(batch["commands"])]
        results = _execute(calls, atomic=batch["atomic"], dry_run=dry_run)
        return answer(results, request, principal.caller, wait=options.wait and not dry_run)

    post = serve


def _call(principal: Principal, index: int, item: dict[str, Any]) -> Call | Refusal:
    """The item as a call, or why it is none."""
    name, key, args = item.get("command"), item.get("idempotency_key"), item.get("args") or {}
    try:
        if not isinstance(name, str) or name not in bulk_commands():
            raise InvalidRequest(field="command", reason="not a command that a batch can have")
        command = COMMANDS[name]
        if not isinstance(args, dict):
            raise InvalidRequest(field="args", reason="not an object")
        return Call.of(principal.tenant, principal.caller, key, command, args)
    except Refusal as refusal:
        return refusal


def _execute(calls: list[Call | Refusal], *, atomic: bool, dry_run: bool) -> list[executor.Result]:
    """What became of each. Refuses, where it is all or none: BatchRefused."""
    if atomic:
        for index, call in enumerate(calls):
            if isinstance(call, Refusal):
                raise _refused(index, call)
        fit = [call for call in calls if isinstance(call, Call)]
        try:
            return executor.execute(fit, atomic=True, dry_run=dry_run)
        except executor.BatchRefused as refused:
            culprit = refused.results[refused.index]
            if isinstance(culprit, Refusal):
                told_more([culprit], fit[0].tenant)
                raise _refused(refused.index, culprit) from refused
            raise (culprit if isinstance(culprit, Exception) else refused) from None
    return execute_each(calls, dry_run=dry_run)


def execute_each(calls: list[Call | Refusal], *, dry_run: bool) -> list[executor.Result]:
    """What became of each for itself, in order; what is no call keeps its refusal in its place."""
    fit = [call for call in calls if isinstance(call, Call)]
    executed = iter(executor.execute_bulk(fit, dry_run=dry_run) if fit else ())
    return [next(executed) if isinstance(call, Call) else call for call in calls]


def answer(results: list[executor.Result], request: HttpRequest, caller: Caller, *, wait: bool) -> HttpResponse:
    """`{"results": […]}`, with each event's place in the log where the caller waits for it."""
    principal: Principal = request.principal  # type: ignore[attr-defined]
    told_more([each for each in results if isinstance(each, Refusal)], principal.tenant)
    shown = _shown(results, caller)
    made = partial(reply, {"results": shown}, status=200)
    if not wait:
        return made()
    return answer_when_sealed([result for result in shown if "event" in result], request, made)


def _refused(index: int, refusal: Refusal) -> BatchRefused:
    return BatchRefused(index=index, problem=problems.document(refusal))


def _shown(results: list[executor.Result], caller: Caller) -> list[dict[str, Any]]:
    """`{"status": 201, "replayed": false, <answer>}` or `{"status": 402, "problem": {…}}`, in order."""
    answers = iter(answers_of([result for result in results if isinstance(result, Done)], caller))
    return [
        {"status": 200 if result.dry_run else 201, "replayed": result.replayed, **next(answers)}
        if isinstance(result, Done)
        else _problem(result)
        for result in results
    ]


def _problem(error: Exception) -> dict[str, Any]:
    refusal = problems.refusal_of(error)
    if refusal is None:
        log.error("a command of a batch failed", exc_info=error)
        refusal = InternalError()
    return {"status": refusal.status, "problem": problems.document(refusal)}
