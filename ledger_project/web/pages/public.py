"""What anybody may read without a key: pages and documents that caches may keep and scripts of any origin may fetch."""

import hashlib
from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Any, cast

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.cache import get_conditional_response, patch_vary_headers
from django.views.decorators.http import require_safe

from ledger_project.kernel.errors import Refusal
from ledger_project.web.api import problems

HTML = "text/html"

View = Callable[..., HttpResponse]


def for_everybody(*, seconds: int, also: tuple[str, ...] = ()) -> Callable[[View], View]:
    """A reading view whose answers are kept for `seconds`, have an ETag, and answer If-None-Match with 304.

    A view that says Cache-Control or ETag itself knows better. Refusals are pages to browsers and problems to
    programs, where `also` names what the view can answer with beside a page.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def answer(request: HttpRequest, *args: Any, **named: Any) -> HttpResponse:
            try:
                response = _conditional(request, view(request, *args, **named), seconds)
            except Refusal as refusal:
                response = _refused(request, refusal, also)
            if also:
                patch_vary_headers(response, ("Accept",))
            response.headers["Access-Control-Allow-Origin"] = "*"
            response.headers["Access-Control-Expose-Headers"] = "ETag, Link"
            return response

        return require_safe(answer)

    return decorate


def _conditional(request: HttpRequest, response: HttpResponse, seconds: int) -> HttpResponse:
    response.headers.setdefault("Cache-Control", f"public, max-age={seconds}")
    response.headers.setdefault("ETag", f'"{hashlib.sha256(response.content).hexdigest()[:32]}"')
    found = get_conditional_response(request, etag=response.headers["ETag"], response=response)
    return cast(HttpResponse, found)


def _refused(request: HttpRequest, refusal: Refusal, also: tuple[str, ...]) -> HttpResponse:
    if not also or request.get_preferred_type([*also, HTML]) != HTML or "format" in request.GET:
        return problems.respond(refusal)
    context = {"refusal": refusal, "detail": problems.document(refusal)["detail"]}
    response = page("errors/refused.html", context)
    response.status_code = refusal.status
    response.headers["Cache-Control"] = "no-store"
    return response


def page(template: str, context: dict[str, Any]) -> HttpResponse:
    """A page without the request, so that nothing on it can be one reader's own."""
    return HttpResponse(render_to_string(template, context))


def text(template: str, context: dict[str, Any], kind: str) -> HttpResponse:
    return HttpResponse(render_to_string(template, context), content_type=f"{kind}; charset=utf-8")


def address(request: HttpRequest) -> str:
    """How the ledger is reached from outside, without a slash at the end."""
    return settings.PUBLIC_URL or f"{request.scheme}://{request.get_host()}"


def day(moment: datetime) -> str:
    """As in "25 November 2026"."""
    return f"{moment.day} {moment:%B %Y}"
