"""`/healthz`: this process answers. `/readyz`: so do the servers behind it, and the schema is the code's."""

from functools import lru_cache
from http import HTTPStatus

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from ledger_project.log.status import status as log_status


@require_safe
@never_cache
def healthz(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "ok"})


@require_safe
@never_cache
def readyz(request: HttpRequest) -> JsonResponse:
    """503 while something that a request needs is missing; names it without its address.

    What only people can mend, a sealer that lags or an anchor that is stale, is told as `degraded` and takes no server
    out of service: posting never waits for the seal.
    """
    checks = {"database": _database(), "redis": _redis()}
    if any(found != "ok" for found in checks.values()):
        return JsonResponse({"status": "unready", "checks": checks}, status=HTTPStatus.SERVICE_UNAVAILABLE)
    alarms = log_status().alarms
    checks["log"] = "; ".join(alarms) or "ok"
    return JsonResponse({"status": "degraded" if alarms else "ok", "checks": checks})


def _database() -> str:
    try:
        missing = known_migrations() - MigrationRecorder(connection).applied_migrations().keys()
    except DatabaseError:
        return "unreachable"
    return f"{len(missing)} migrations are not applied" if missing else "ok"


@lru_cache(maxsize=1)
def known_migrations() -> frozenset[tuple[str, str]]:
    """The migrations on disk, which do not change under a running process."""
    loader = MigrationLoader(None, ignore_no_migrations=True)
    return frozenset(loader.disk_migrations)


def _redis() -> str:
    """Broker, cache and throttle counters are one server."""
    try:
        with redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=2, socket_timeout=2) as client:
            client.ping()
    except redis.RedisError:
        return "unreachable"
    return "ok"
