"""What happens to every request: it gets an id, and under the API's addresses it skips what only pages need."""

import re
import uuid
from collections.abc import Callable
from contextvars import ContextVar

from django.http import HttpRequest, HttpResponse
from django.urls import ResolverMatch, resolve

HEADER = "X-Request-ID"
API = ("/v1/", "/x402/")  # what programs call: no cookies, no forms, errors as problems
# What proxies send: UUIDs, trace ids, nginx's hex. Anything else could forge log lines, so it is replaced.
_SANE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:+/=-]{7,127}")

request_id: ContextVar[str] = ContextVar("request_id", default="")

GetResponse = Callable[[HttpRequest], HttpResponse]


class RequestId:
    """Take a sane X-Request-ID or make one; say it in the reply, beside what is left of the rate limit.

    The id is also in every problem, and in each line that is logged meanwhile.
    """

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


class ShortWay:
    """The API has no sessions, forms or cookies: its views are called before the middleware that serves those.

    That middleware would be a third of the web layer's processor time (docs/api.md).
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        self._fixed: dict[str, ResolverMatch] = {}

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path_info.startswith(API):
            return self.get_response(request)
        request.get_host()  # refuses hosts that are not ours, as CommonMiddleware does
        match = request.resolver_match = self._match(request.path_info)
        response: HttpResponse = match.func(request, *match.args, **match.kwargs)
        if not getattr(response, "is_rendered", True):
            response = response.render()  # type: ignore[attr-defined]  # DRF's are rendered by the handler otherwise
        if not response.streaming:
            response.headers.setdefault("Content-Length", str(len(response.content)))
            if request.method == "HEAD":
                response.content = b""
        return response

    def _match(self, address: str) -> ResolverMatch:
        """Raises Resolver404. Addresses without a variable part, which are few, are looked up once."""
        match = self._fixed.get(address)
        if match is None:
            match = resolve(address)
            if not match.kwargs:
                self._fixed[address] = match
        return match
