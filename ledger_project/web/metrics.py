"""`/metrics` for Prometheus: what the database says now, and what the processes of this server have counted.

Under gunicorn every process counts in a file of its own (gunicorn.conf.py), and whichever is asked adds them all up;
without it there is one process and its memory.
"""

import hmac
import os
import time
from collections.abc import Callable
from functools import cache

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

from ledger_project.log.counting import COUNTS
from ledger_project.web.api import problems
from ledger_project.web.api.errors import NotAuthenticated

REQUESTS = Counter("ledger_requests", "Requests answered.", ["method", "route", "status"], registry=COUNTS)
SECONDS = Histogram(
    "ledger_request_seconds",
    "Time until the answer began.",
    ["method", "route"],
    buckets=[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15],
    registry=COUNTS,
)
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Counted:
    """Count each request under its route as it is written in the code, so that no caller can make up new ones."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        began = time.perf_counter()
        response = self.get_response(request)
        method = request.method if request.method in METHODS else "other"
        match = request.resolver_match
        route = match.route if match else "none"  # static files, and addresses that do not exist
        _seconds(method, route).observe(time.perf_counter() - began)
        _requests(method, route, response.status_code).inc()
        return response


@cache
def _seconds(method: str, route: str) -> Histogram:
    return SECONDS.labels(method, route)


@cache
def _requests(method: str, route: str, status: int) -> Counter:
    return REQUESTS.labels(method, route, status)


@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """Everything, to whoever has `METRICS_TOKEN`; without one in the settings there is no such address."""
    if not settings.METRICS_TOKEN:
        raise Http404
    given = request.META.get("HTTP_AUTHORIZATION", "")
    if not hmac.compare_digest(given.encode(), f"Bearer {settings.METRICS_TOKEN}".encode()):
        return problems.respond(NotAuthenticated(reason="not the token of /metrics"))
    return HttpResponse(generate_latest(_counted()) + generate_latest(REGISTRY), content_type=CONTENT_TYPE_LATEST)


def _counted() -> CollectorRegistry:
    """The counters of all processes that share a directory, or of this one."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return COUNTS
    together = CollectorRegistry()
    MultiProcessCollector(together)  # type: ignore[no-untyped-call]
    return together
