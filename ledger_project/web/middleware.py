"""Every request has an id: in its answer, in its problems and in each line that is logged meanwhile."""

import re
import uuid
from collections.abc import Callable
from contextvars import ContextVar

from django.http import HttpRequest, HttpResponse

HEADER = "X-Request-ID"
# What proxies send: UUIDs, trace ids, nginx's hex. Anything else could forge log lines, so it is replaced.
_SANE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:+/=-]{7,127}")

request_id: ContextVar[str] = ContextVar("request_id", default="")

GetResponse = Callable[[HttpRequest], HttpResponse]


class RequestId:
    """Take a sane X-Request-ID or make one; say it in the reply, beside what is left of the rate limit."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.META.get("HTTP_X_REQUEST_ID", "")
        current = given if _SANE.fullmatch(given) else uuid.uuid4().hex
        token = request_id.set(current)
        try:
            response = self.get_response(request)
        finally:
            request_id.reset(token)
        response.headers[HEADER] = current
        for name, value in getattr(request, "rate_limit_headers", {}).items():
            response.headers[name] = value
        return response
