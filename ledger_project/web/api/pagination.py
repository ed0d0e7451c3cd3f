"""Lists in pages: `{"results": […], "next": cursor | null}`.

A page starts where the one before it ended in the order of a key, so the thousandth page costs what the first does, and
rows that are added meanwhile neither shift nor repeat what is still to come. A cursor carries that place and a digest
of whose list it belongs to and with which filters: with any other it is refused.
"""

import base64
import binascii
import json
from typing import Any, Generic, Protocol, TypeVar

from django.conf import settings
from django.db.models import Model, QuerySet
from django.utils.crypto import constant_time_compare, salted_hmac
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response

from ledger_project.kernel.errors import InvalidRequest
from ledger_project.web.api.authentication import caller

DEFAULT_LIMIT = 50
MAX_LIMIT = 500
DIGEST_BYTES = 12
M = TypeVar("M", bound=Model)

Position = list[Any]  # JSON values that say where in its order a page ended


class Keyset(Protocol):
    """What can be read in pages."""

    def page(self, after: Position | None, limit: int) -> tuple[list[Any], Position | None]:
        """At most `limit` items after a position, and the position of the last one where more follow."""


class Ordered(Generic[M]):
    """The rows of a QuerySet in the order of a unique field, which a minus sign turns around."""

    def __init__(self, queryset: QuerySet[M], ordering: str) -> None:
        self.queryset = queryset.order_by(ordering)
        self.key = ordering.removeprefix("-")
        self.lookup = f"{self.key}__{'lt' if ordering.startswith('-') else 'gt'}"

    def page(self, after: Position | None, limit: int) -> tuple[list[M], Position | None]:
        rows = self.queryset.filter(**{self.lookup: after[0]}) if after else self.queryset
        found = list(rows[: limit + 1])
        if len(found) <= limit:
            return found, None
        return found[:limit], [str(getattr(found[limit - 1], self.key))]


class KeysetPagination(BasePagination):
    """Pages a `Keyset`, or a QuerySet in the order that the view names as its `ordering` (newest first)."""

    parameters = ("limit", "cursor")

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        keyset: Keyset = queryset
        if isinstance(queryset, QuerySet):
            keyset = Ordered(queryset, getattr(view, "ordering", "-id"))
        scope = self._scope(request)
        limit = _limit(request.query_params.get("limit"))
        cursor = request.query_params.get("cursor")
        items, end = keyset.page(None if cursor is None else read_cursor(cursor, scope), limit)
        self.next = None if end is None else write_cursor(end, scope)
        return items

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"results": data, "next": self.next})

    def _scope(self, request: Request) -> str:
        """Whose list this is, which, and with what filters."""
        filters = sorted((name, value) for name, value in request.query_params.items() if name not in self.parameters)
        principal = caller(request)
        key = [] if principal.account is None else [principal.id.hex]  # an account's keys do not all see the same
        return json.dumps([principal.tenant, request.path, filters, *key])

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        cursor = {"type": ["string", "null"], "description": "Where the next page starts; null on the last."}
        return {
            "type": "object",
            "required": ["results", "next"],
            "properties": {"results": schema, "next": cursor},
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        limit = {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT}
        return [
            {"name": "limit", "in": "query", "schema": limit, "description": "How many results a page has at most."},
            {
                "name": "cursor",
                "in": "query",
                "schema": {"type": "string"},
                "description": "`next` of the page before, with the same filters.",
            },
        ]


def _limit(given: str | None) -> int:
    """Refuses: InvalidRequest."""
    if given is None:
        return DEFAULT_LIMIT
    if not (given.isascii() and given.isdigit() and len(given) <= 3 and 1 <= int(given) <= MAX_LIMIT):
        raise InvalidRequest(field="limit", reason=f"not a whole number from 1 to {MAX_LIMIT}")
    return int(given)


def write_cursor(position: Position, scope: str) -> str:
    """A position as an opaque string that is good for this scope alone."""
    place = json.dumps(position, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(_digest(place, scope, settings.SECRET_KEY) + place).decode().rstrip("=")


def read_cursor(cursor: str, scope: str) -> Position:
    """The position that a cursor stands for. Refuses: InvalidRequest."""
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    digest, place = raw[:DIGEST_BYTES], raw[DIGEST_BYTES:]
    keys = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    if not any(constant_time_compare(digest, _digest(place, scope, key)) for key in keys):
        raise InvalidRequest(field="cursor", reason="not a cursor of this list with these filters")
    position: Position = json.loads(place)
    return position


def _digest(place: bytes, scope: str, key: str) -> bytes:
    return salted_hmac("ledger.cursor", place + scope.encode(), key, algorithm="sha256").digest()[:DIGEST_BYTES]
