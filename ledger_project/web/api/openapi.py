"""The OpenAPI document: commands describe themselves, refusals included; GETs are drf-spectacular's to describe."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import etag, require_safe
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import build_mock_request

from ledger_project.kernel import errors as kernel
from ledger_project.kernel.errors import Refusal
from ledger_project.kernel.fields import nullable, object_schema
from ledger_project.log import outages
from ledger_project.log.command import COMMANDS, Command
from ledger_project.web.api import bulk, errors
from ledger_project.web.api.authentication import Principal
from ledger_project.web.api.commands import REPLAYED, CommandView, Shape

Document = dict[str, Any]

MINOR_UNITS = "minor-units"  # the format of amounts: digits, in the smallest unit of the currency
SECURITY: list[Document] = [{"apiKey": []}]
# The refusals of every call, in the order in which they are checked; a command's own come between the two.
ADMISSION = (errors.NotAuthenticated, errors.RateLimited, kernel.Forbidden)
READING = (errors.BadRequest, kernel.UnknownField, kernel.InvalidRequest)
WRITING = (
    errors.LengthRequired,
    errors.BodyTooLarge,
    errors.UnsupportedMediaType,
    errors.MalformedJson,
    kernel.IdempotencyKeyRequired,
    kernel.ReservedIdempotencyKey,
    kernel.InvalidAmount,
    kernel.IdempotencyKeyReused,
)
# Of a bulk, whose commands refuse for themselves what is theirs.
BULK_WRITING = tuple(each for each in WRITING if each not in (kernel.IdempotencyKeyRequired, kernel.InvalidAmount))
ANY_TIME = (*[refusal for _, refusal in outages.KINDS], kernel.Unavailable, errors.InternalError)

IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "description": "1 to 255 characters that name this call: sent again, it is answered and not repeated.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}
REQUEST_TIMEOUT = {
    "name": "Request-Timeout",
    "in": "header",
    "description": "Seconds that the call may take, at most as many as any call may. Then it is `busy` or `timed_out`:"
    " repeat it with the same key.",
    "schema": {"type": "string", "pattern": "^[0-9]{1,6}(\\.[0-9]{1,3})?$"},
}
DRY_RUN: Document = {
    "name": "dry_run",
    "in": "query",
    "description": "`true`: answer as if the call were accepted, and store nothing.",
    "schema": {"type": "string", "enum": ["true", "false"], "default": "false"},
}
WAIT: Document = {
    "name": "wait",
    "in": "query",
    "description": "`sealed`: answer when the event has its place in the log.",
    "schema": {"type": "string", "enum": ["sealed"]},
}
RATE_LIMIT = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")
HEADERS: Mapping[str, Document] = {
    "X-Request-ID": {
        "description": "Names this request in our logs; yours, if you sent one.",
        "schema": {"type": "string"},
    },
    "RateLimit-Limit": {"description": "Requests that this key has per minute.", "schema": {"type": "integer"}},
    "RateLimit-Remaining": {"description": "Those left of this minute.", "schema": {"type": "integer"}},
    "RateLimit-Reset": {"description": "Seconds until the next minute.", "schema": {"type": "integer"}},
    "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}},
    "WWW-Authenticate": {"description": "`Bearer`.", "schema": {"type": "string"}},
    REPLAYED: {
        "description": "`true` where this key's call had been accepted before: this is its first answer.",
        "schema": {"type": "string", "const": "true"},
    },
}
HEADERS_OF_STATUS = {401: ("WWW-Authenticate",), 429: ("Retry-After", *RATE_LIMIT), 503: ("Retry-After",)}
EVERY_REPLY = ("X-Request-ID", *RATE_LIMIT)

# What refusals tell of amounts.
FACTS = (
    *("asked", "available", "left", "limit", "original", "refunded", "released"),
    *("remaining", "required", "reserved", "shortfall", "spent", "tolerance", "used"),
)

PROBLEM: Document = {
    "type": "object",
    "description": "RFC 9457. Beside these members stand the refusal's own facts.",
    "properties": {
        "type": {"type": "string", "examples": ["/errors/insufficient_funds"]},
        "title": {"type": "string", "description": "What the code means."},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "Stable; branch on this.", "examples": ["insufficient_funds"]},
        "detail": {"type": "string", "description": "What is particular to this occurrence."},
        "request_id": {"type": "string"},
        **{
            name: {"type": "string", "format": MINOR_UNITS, "description": "Where the code is about it."}
            for name in FACTS
        },
    },
    "required": ["type", "title", "status", "code", "detail", "request_id"],
}


def ref(name: str) -> Document:
    """A reference to a component: a serializer's name without its ending."""
    return {"$ref": f"#/components/schemas/{name}"}


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The `Authorization` header, for drf-spectacular."""

    target_class = "ledger_project.web.api.authentication.ApiKeyAuthentication"
    name = "apiKey"

    def get_security_definition(self, auto_schema: Any) -> Document:
        return {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "lk_<prefix>_<secret>",
            "description": "An API key with the call's scope: its permission, its app's (`journal.*`), `read`, or `*`.",
        }


class LedgerSchema(AutoSchema):
    """One operation of the document."""

    def get_operation(
        self, path: str, path_regex: str, path_prefix: str, method: str, registry: Any
    ) -> Document | None:
        if isinstance(self.view, bulk.BulkView):
            return bulk_operation()
        if isinstance(self.view, CommandView) and method.upper() in self.view.commands:
            self.registry = registry
            makes = {noun: self._shape(made) for noun, made in self.view.makes.items()}
            return command_operation(self.view, COMMANDS[self.view.commands[method.upper()]], path, makes)
        operation: Document | None = super().get_operation(path, path_regex, path_prefix, method, registry)
        if operation is not None and self.view.get_authenticators():
            found = [kernel.NotFound] if "{" in path else []
            own = getattr(self.view, "refuses", ())
            problems = (*ADMISSION, *READING, *found, errors.NotAcceptable, *own, *ANY_TIME)
            operation["responses"] = {**_with_headers(operation["responses"]), **problem_responses(problems)}
        return operation

    def _shape(self, made: Shape) -> Document:
        if isinstance(made, str):
            return ref(made)
        if isinstance(made, dict):
            return made
        found: Document = self.resolve_serializer(made, "response").ref
        return found


def command_operation(view: CommandView, command: Command, path: str, makes: Mapping[str, Document]) -> Document:
    """The operation of one command."""
    in_path = [name for name in command.fields if f"{{{name}}}" in path]
    elsewhere = view.hidden.union(in_path)
    body = {name: field for name, field in command.fields.items() if name not in elsewhere}
    schema = object_schema(body, {name: default for name, default in command.optional.items() if name in body})
    description = f"{command.summary}\n\nNeeds the scope `{command.permission}`; recorded as `{command.event}`."
    if command.refuses:
        own = ", ".join(f"`{refusal.code}`" for refusal in command.refuses)
        description += f" Its own refusals, in the order in which they are checked: {own}."
    return {
        "operationId": command.name,
        "summary": command.headline,
        "description": description,
        "tags": [command.permission.partition(".")[0]],
        "parameters": [
            *(
                {"name": name, "in": "path", "required": True, "schema": command.fields[name].schema()}
                for name in in_path
            ),
            IDEMPOTENCY_KEY,
            REQUEST_TIMEOUT,
            DRY_RUN,
            WAIT,
        ],
        **_request_body(schema),
        "security": SECURITY,
        "responses": {
            "201": _reply("Accepted: the event is in the log.", answer_schema(makes), REPLAYED),
            "200": _reply("What `dry_run` found; nothing is stored.", answer_schema(makes, dry_run=True)),
            **problem_responses((*ADMISSION, *READING, *WRITING, *_not_found(in_path), *command.refuses, *ANY_TIME)),
        },
    }


def _not_found(in_path: list[str]) -> list[type[Refusal]]:
    return [kernel.NotFound] if in_path else []


def _request_body(schema: Document) -> Document:
    if not schema["properties"]:
        return {}
    return {"requestBody": {"required": "required" in schema, "content": {"application/json": {"schema": schema}}}}


def _reply(description: str, schema: Document, *headers: str) -> Document:
    return {
        "description": description,
        "headers": _header_references(*EVERY_REPLY, *headers),
        "content": {"application/json": {"schema": schema}},
    }


def _with_headers(responses: Document) -> Document:
    return {status: {**response, "headers": _header_references(*EVERY_REPLY)} for status, response in responses.items()}


def _header_references(*names: str) -> Document:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def answer_schema(makes: Mapping[str, Document], *, dry_run: bool = False) -> Document:
    """What answers an accepted call."""
    properties: Document = {
        "event": ref("Event"),
        "entry": nullable(ref("Entry")),
        **makes,
        "balances": {"type": "array", "items": ref("Balance"), "description": "The balances after."},
    }
    if dry_run:
        properties["dry_run"] = {"const": True}
    return {"type": "object", "properties": properties, "required": list(properties)}


def problem_responses(refusals: Iterable[type[Refusal]]) -> Document:
    """Refusals by status; within one, in the order in which they are checked."""
    by_status: dict[int, dict[str, type[Refusal]]] = {}
    for refusal in refusals:
        by_status.setdefault(refusal.status, {})[refusal.code] = refusal
    return {
        str(status): {
            "description": "\n".join(f"- `{code}`: {refusal.message()}" for code, refusal in coded.items()),
            "headers": _header_references("X-Request-ID", *HEADERS_OF_STATUS.get(status, ())),
            "content": {"application/problem+json": {"schema": _problem_schema(status, list(coded))}},
        }
        for status, coded in sorted(by_status.items())
    }


def _problem_schema(status: int, codes: list[str]) -> Document:
    narrowed = {"type": "object", "properties": {"status": {"const": status}, "code": {"enum": codes}}}
    return {"allOf": [ref("Problem"), narrowed]}


def bulk_answer(results: str, makes: Mapping[str, Document] | None = None) -> Document:
    """What answers a bulk; `makes` are the nouns that all of its commands make."""
    properties: Document = {
        "status": {"enum": [200, 201]},
        "replayed": {"type": "boolean"},
        "event": ref("Event"),
        "entry": nullable(ref("Entry")),
        **(makes or {}),
        "balances": {"type": "array", "items": ref("Balance")},
    }
    accepted = {
        "type": "object",
        "description": "An accepted command: its answer, with the status that it alone would have.",
        "properties": properties,
        "required": list(properties),
    }
    refused = {
        "type": "object",
        "properties": {"status": {"type": "integer", "minimum": 400}, "problem": ref("Problem")},
        "required": ["status", "problem"],
        "additionalProperties": False,
    }
    listed = {"type": "array", "items": {"oneOf": [accepted, refused]}, "description": results}
    return {"type": "object", "properties": {"results": listed}, "required": ["results"]}


def bulk_operation() -> Document:
    """The operation of `POST /v1/bulk`."""
    return {
        "operationId": "bulk",
        "summary": "Carry out up to 1,000 commands, all or none of them or each for itself.",
        "description": (
            "`atomic` (the default): all are accepted or none is, which is `batch_refused` with the `index` of the one"
            " that was refused and its `problem`. Otherwise each is accepted or refused alone, seeing what those before"
            " it did. Each carries its own idempotency key, so the header is not needed, and each needs its own scope."
        ),
        "tags": ["bulk"],
        "parameters": [REQUEST_TIMEOUT, DRY_RUN, WAIT],
        **_request_body(object_schema(bulk.FIELDS, bulk.OPTIONAL)),
        "security": SECURITY,
        "responses": {
            "200": _reply("What became of each command.", bulk_answer("In the order of the commands.")),
            **problem_responses((*ADMISSION, *READING, *BULK_WRITING, errors.BatchRefused, *ANY_TIME)),
        },
    }


def mock_request(method: str, path: str, view: Any, original: Any, **kwargs: Any) -> Any:
    """Hook of drf-spectacular: the request that views see while they are described, of nobody's tenant."""
    request = build_mock_request(method, path, view, original, **kwargs)  # type: ignore[no-untyped-call]
    request.user = Principal.of(0, UUID(int=0), "", (), None, None, identity="")
    return request


def add_components(result: Document, **context: Any) -> Document:
    """Hook of drf-spectacular: what every operation refers to, told once."""
    components = result.setdefault("components", {})
    components["schemas"] = {**components.get("schemas", {}), "Problem": PROBLEM}
    components["headers"] = dict(HEADERS)
    components["responses"] = _share_problems(result)
    return result


def _share_problems(result: Document) -> Document:
    """Put references in place of problems that several operations have, and give what they refer to."""
    operations = [each for methods in result["paths"].values() for each in methods.values()]
    told = Counter(json.dumps(each) for operation in operations for each in operation["responses"].values())
    shared: Document = {}
    for operation in operations:
        for status, response in operation["responses"].items():
            text = json.dumps(response)
            if "application/problem+json" in response.get("content", {}) and told[text] > 1:
                name = f"{status}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
                shared[name] = response
                operation["responses"][status] = {"$ref": f"#/components/responses/{name}"}
    return dict(sorted(shared.items()))


@lru_cache(maxsize=1)
def document() -> bytes:
    """The document, which is the same as long as the code is."""
    schema = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return json.dumps(schema, ensure_ascii=False, separators=(",", ":")).encode()


@require_safe
@etag(lambda request: f'"{hashlib.sha256(document()).hexdigest()}"')
def openapi_json(request: HttpRequest) -> HttpResponse:
    """`/openapi.json`."""
    return HttpResponse(document(), content_type="application/json")
