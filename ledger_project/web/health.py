"""`/healthz`: this process answers. `/readyz`: what it needs to serve is there; what else is wrong is `degraded`."""

import json
import logging
from http import HTTPStatus

import psycopg
from django.conf import settings
from django.db import Error as DjangoError
from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from ledger_project.kernel.errors import DatabaseFull, Unavailable
from ledger_project.log.status import status as log_status
from ledger_project.web import probing
from ledger_project.web.api import problems
from ledger_project.web.probing import OK

log = logging.getLogger(__name__)


@require_safe
@never_cache
def healthz(request: HttpRequest) -> JsonResponse:
    """Asks nobody."""
    return JsonResponse({"status": "ok"})


@require_safe
@never_cache
def readyz(request: HttpRequest) -> JsonResponse:
    """503 while a write would be refused; the check names it by the code that a caller would get.

    What posting does without takes no server out of service and is told as `degraded`: Redis, a sealer that lags, an
    anchor that is stale, a process that keeps dying. A balancer that heeded it would remove every server at once.
    """
    checks = {"database": probing.DATABASE.look(), "redis": probing.REDIS.look()}
    if checks["database"] == OK:
        try:
            checks["log"] = "; ".join(log_status().alarms) or OK
        except (DjangoError, psycopg.Error) as error:
            connection.close()
            checks["database"] = probing.code_of(error)
    if settings.RESTLESS.exists():
        told = _restless()
        checks["processes"] = "; ".join(f"{role} {trouble}" for role, trouble in told.items()) or OK
        if checks["database"] == Unavailable.code and "disk" in told:
            checks["database"] = DatabaseFull.code  # PostgreSQL, without room for its log, is not there to say so
    if checks["database"] != OK:
        unready = JsonResponse({"status": "unready", "checks": checks}, status=HTTPStatus.SERVICE_UNAVAILABLE)
        log.error("unready: the database is %s", checks["database"])
        return problems.already_logged(unready)
    degraded = any(found != OK for found in checks.values())
    return JsonResponse({"status": "degraded" if degraded else "ok", "checks": checks})


def _restless() -> dict[str, str]:
    """What the supervisor says of processes that keep dying; nothing where it is saying it just now."""
    try:
        told: dict[str, str] = json.loads(settings.RESTLESS.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return told
