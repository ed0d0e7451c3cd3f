"""Errors on the wire: RFC 9457 `application/problem+json`, one form for every way of saying no."""

import json
import logging
import sys
from typing import Any, TypeVar

import psycopg
from django.core.exceptions import PermissionDenied
from django.db import Error as DjangoError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from rest_framework import exceptions as drf

from ledger_project.kernel.errors import Busy, Forbidden, InvalidRequest, NotFound, Refusal
from ledger_project.log import outages
from ledger_project.log.command import COMMANDS
from ledger_project.web.api import errors
from ledger_project.web.middleware import API, request_id

CONTENT_TYPE = "application/problem+json"
RESERVED = frozenset({"type", "title", "status", "code", "detail", "request_id"})
RETRY_SECONDS: dict[type[Refusal], int] = {Busy: 1}
RETRY_AFTER_OUTAGE = 2  # seconds, of any other 503

R = TypeVar("R", bound=HttpResponse)

log = logging.getLogger(__name__)


def document(refusal: Refusal) -> dict[str, Any]:
    """`{"type", "title", "status", "code", "detail", "request_id", <the refusal's facts>}`."""
    # A hold's `status` is not the problem's: a fact with a name that RFC 9457 or we use is told as `current_status`.
    named = {name: fact for name, fact in refusal.facts.items() if name not in {"detail", "allow"}}
    facts = {f"current_{name}" if name in RESERVED else name: fact for name, fact in named.items()}
    return {
        "type": f"/errors/{refusal.code}",
        "title": refusal.message(),
        "status": refusal.status,
        "code": refusal.code,
        "detail": str(refusal.facts.get("detail") or _detail(facts) or refusal.message()),
        "request_id": request_id.get(),
        **facts,
    }


def _detail(facts: dict[str, Any]) -> str:
    """What is particular to this occurrence, in words."""
    if "reason" in facts:
        return f"{facts['field']}: {facts['reason']}" if "field" in facts else str(facts["reason"])
    return ", ".join(f"{name} {fact}" for name, fact in facts.items() if isinstance(fact, str | int))


def respond(refusal: Refusal) -> HttpResponse:
    """The refusal as a reply, with the headers that its status calls for."""
    body = json.dumps(document(refusal), default=str).encode()
    response = HttpResponse(body, status=refusal.status, content_type=CONTENT_TYPE)
    response.headers["Content-Length"] = str(len(body))
    response.headers["Cache-Control"] = "no-store"
    if refusal.status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="ledger"'
    retry_after = refusal.facts.get("retry_after") or RETRY_SECONDS.get(type(refusal))
    if refusal.status == 503:
        retry_after = retry_after or RETRY_AFTER_OUTAGE
        _tell_outage(refusal, response)
    if retry_after:
        response.headers["Retry-After"] = str(retry_after)
    if "allow" in refusal.facts:
        response.headers["Allow"] = ", ".join(refusal.facts["allow"])
    return response


def _tell_outage(refusal: Refusal, response: HttpResponse) -> None:
    """Write down once what the database, or whatever it was, said; its trace would tell nobody more."""
    log.error("%s: %s", refusal.code, outages.in_a_line(refusal.__cause__ or refusal))
    already_logged(response)


def already_logged(response: R) -> R:
    """Keep Django, which writes a line for each 5xx, from doing so a second time, and with a trace."""
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response


def refusal_of(error: Exception) -> Refusal | None:
    """The refusal that an exception stands for, or None where it is a bug."""
    match error:
        case Refusal():
            return error
        case Http404() | drf.NotFound():
            return NotFound()
        case PermissionDenied() | drf.PermissionDenied():
            return Forbidden()
        case drf.NotAuthenticated() | drf.AuthenticationFailed():
            return errors.NotAuthenticated()
        case drf.MethodNotAllowed():
            return errors.MethodNotAllowed()
        case drf.NotAcceptable():
            return errors.NotAcceptable()
        case drf.UnsupportedMediaType():
            return errors.UnsupportedMediaType()
        case drf.Throttled():
            return errors.RateLimited(retry_after=max(1, round(getattr(error, "wait", None) or 1)))
        case drf.ParseError():
            return errors.MalformedJson()
        case drf.ValidationError():
            field, reason = _first(error.detail)
            return InvalidRequest(field=field, reason=reason)
        case psycopg.Error() | DjangoError():
            outage = outages.outage_of(error)
            if outage is not None:
                outage.__cause__ = error
            return outage
        case _:
            return None


def _first(detail: Any) -> tuple[str | None, str]:
    """The first field that DRF complains of, and its complaint."""
    if isinstance(detail, dict) and detail:
        field, complaint = next(iter(detail.items()))
        return field, _first(complaint)[1]
    if isinstance(detail, list) and detail:
        return _first(detail[0])
    return None, str(detail)


def exception_handler(error: Exception, context: dict[str, Any]) -> HttpResponse | None:
    """DRF's EXCEPTION_HANDLER: views raise, this answers; a bug goes on to `server_error`."""
    refusal = refusal_of(error)
    if isinstance(refusal, errors.MethodNotAllowed):
        refusal.facts["allow"] = context["view"].allowed_methods
    return respond(refusal) if refusal else None


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """handler400: what Django itself finds suspicious."""
    return _tell(request, errors.BadRequest())


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """handler403."""
    return _tell(request, Forbidden())


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """handler404: an unknown address."""
    return _tell(request, NotFound(path=request.path[:300]))


def server_error(request: HttpRequest) -> HttpResponse:
    """handler500: a database that is away, where a page and not the API needed it, or a bug.

    Of a bug Django logs the trace with the request's id, which is all that the caller is told.
    """
    error = sys.exception()
    outage = refusal_of(error) if isinstance(error, Exception) else None
    return _tell(request, outage if outage and outage.status == 503 else errors.InternalError())


def _tell(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    """A problem to programs and, outside of the API, a page to people. It asks no database: that may be the trouble."""
    if request.path.startswith(API):
        return respond(refusal)
    page = render_to_string(f"errors/{refusal.status}.html", {"request_id": request_id.get(), "refusal": refusal})
    response = HttpResponse(page, status=refusal.status, headers={"Cache-Control": "no-store"})
    if refusal.status == 503:
        response.headers["Retry-After"] = str(RETRY_AFTER_OUTAGE)
        _tell_outage(refusal, response)
    return response


def error_page(request: HttpRequest, code: str) -> HttpResponse:
    """What a problem's `type` leads to: the refusal in words."""
    refusal = Refusal.registry.get(code)
    if refusal is None:
        raise Http404(code)
    commands = [command for command in COMMANDS.values() if refusal in command.refuses]
    context = {"refusal": refusal, "message": refusal.message(), "commands": commands}
    return render(request, "errors/refusal.html", context)
