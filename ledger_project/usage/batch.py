"""Usage in batches, as CloudEvents: `POST /v1/usage/batch`."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from ledger_project.kernel.errors import Refusal
from ledger_project.kernel.fields import object_schema
from ledger_project.log.executor import MAX_BATCH, Call
from ledger_project.usage.cloudevents import CONTEXT, CONTEXT_OPTIONAL, DATA, arguments, read_array, read_lines
from ledger_project.usage.commands.recording import record_usage
from ledger_project.web.api.authentication import Principal
from ledger_project.web.api.bulk import answer, execute_each
from ledger_project.web.api.commands import LightView, admit, read_options
from ledger_project.web.api.openapi import BULK_WRITING, DRY_RUN, WAIT, bulk_answer, ref
from ledger_project.web.api.parsing import JSON, media_type_of, read_body

CLOUDEVENTS, NDJSON = "application/cloudevents-batch+json", "application/x-ndjson"


def read_events(request: HttpRequest) -> list[Any]:
    """Those that a request carries, each as JSON or as its refusal. Refuses: as `read_body`, then the form."""
    body = read_body(request, CLOUDEVENTS, JSON, NDJSON)
    lines = media_type_of(request.META.get("CONTENT_TYPE", "")) == NDJSON
    return read_lines(body) if lines else read_array(body)


def _call(principal: Principal, event: Any, book: str | None) -> Call | Refusal:
    """The event as a call, or why it is none."""
    try:
        # Its key is the command's `identity`: by source and id, whatever is given here.
        return Call.of(principal.tenant, principal.caller, "an event's", record_usage, arguments(event, book))
    except Refusal as refusal:
        return refusal


EVENT = {
    "type": "object",
    "properties": {
        "specversion": {"const": "1.0"},
        **object_schema(CONTEXT, CONTEXT_OPTIONAL)["properties"],
        "datacontenttype": {"type": ["string", "null"], "default": "application/json"},
        "data": {
            "type": "object",
            "description": "The arguments of `record_usage` that the event's attributes do not say; in the place of"
            " `model` and `metrics` OpenTelemetry's (`gen_ai.request.model`, `gen_ai.usage.input_tokens` …).",
            "properties": object_schema(DATA, record_usage.optional)["properties"],
        },
    },
    "required": ["specversion", "id", "source", "type", "data"],
}
EVENTS = {
    "type": "array",
    "items": {"anyOf": [EVENT, {"description": "Whatever is none is refused in its place."}]},
    "minItems": 1,
    "maxItems": MAX_BATCH,
}


class UsageBatch(LightView):
    """Up to 1,000 CloudEvents about usage, each recorded or refused for itself."""

    light_methods = ("POST",)
    command = record_usage.name
    refuses = BULK_WRITING

    def serve(self, request: HttpRequest, named: dict[str, str]) -> HttpResponse:
        principal = admit(request)
        record_usage.require(principal.caller)
        options = read_options(request, "book")
        book = request.GET.get("book")
        if book is not None:
            DATA["book"].parse(book, "book")
        calls = [_call(principal, event, book) for event in read_events(request)]
        results = execute_each(calls, dry_run=options.dry_run)
        return answer(results, request, principal.caller, wait=options.wait)

    @extend_schema(
        operation_id="record_usage_batch",
        summary="Record up to 1,000 usages, as CloudEvents, each for itself.",
        description=(
            "CloudEvents 1.0: an array, or lines of JSON. Each is recorded or refused alone and in order; `source` and"
            " `id` name a request for ever, so a batch can be sent again, and no Idempotency-Key is needed.\n\n"
            f"Needs the scope `{record_usage.permission}`; each is recorded as `{record_usage.event}`."
        ),
        parameters=[
            OpenApiParameter("book", DATA["book"].schema(), description="The price book of events that name none."),
            *(
                OpenApiParameter(each["name"], each["schema"], description=each["description"])
                for each in (DRY_RUN, WAIT)
            ),
        ],
        request={CLOUDEVENTS: EVENTS, JSON: EVENTS, NDJSON: {"type": "string", "description": "An event a line."}},
        responses={200: bulk_answer("In the order of the events.", {"usage": ref("Usage")})},
    )
    def post(self, request: Request) -> Response:
        raise AssertionError("served by the short way")
