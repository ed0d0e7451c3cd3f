"""How often a key may call: `API_REQUESTS_PER_MINUTE`, over all processes.

Asking Redis on every request would cost more than posting a transfer. So a process takes permission for a hundredth of
the limit at a time: together they never allow more than the limit, and a key that is spread over many processes may be
stopped by what the others have taken and not used. Small limits are taken one by one and are exact. While Redis is
away each process counts alone: a ledger that refuses payments because its cache is down would be the worse failure.
"""

import logging
import threading
import time
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

import redis
from django.conf import settings
from django.http import HttpRequest
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from ledger_project.web.api.authentication import Principal
from ledger_project.web.api.errors import RateLimited

WINDOW = 60  # seconds
SHARES = 100  # of the limit, taken one at a time
KEYS_KEPT = 10_000
PATIENCE = 0.1  # seconds to wait for Redis
SULK = 5.0  # seconds to do without it after it failed

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Lease:
    """What this process may still let through of one key's minute, of `total` that all have taken."""

    window: int
    limit: int
    left: int = 0
    total: int = 0

    @property
    def remaining(self) -> int:
        return max(0, self.limit - self.total) + self.left


class Limiter:
    """Counts requests by key and minute; the threads of a process share it."""

    def __init__(self, url: str) -> None:
        self._redis: Any = redis.Redis.from_url(url, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE)
        self._leases: dict[UUID, _Lease] = {}
        self._lock = threading.Lock()
        self._sulks_until = 0.0

    def take(self, key: UUID, limit: int) -> tuple[bool, dict[str, str]]:
        """Whether one more request may pass, and the headers that say what is left."""
        now = time.time()
        lease = self._lease(key, int(now // WINDOW), limit)
        allowed = self._use(lease)
        while not allowed and lease.total < limit:
            # More than once only where another thread was quicker to use what this one took.
            self._renew(key, lease)
            allowed = self._use(lease)
        return allowed, {
            "RateLimit-Limit": str(limit),
            "RateLimit-Remaining": str(lease.remaining),
            "RateLimit-Reset": str(WINDOW - int(now) % WINDOW),
        }

    def _lease(self, key: UUID, window: int, limit: int) -> _Lease:
        with self._lock:
            lease = self._leases.get(key)
            if lease is None or lease.window != window or lease.limit != limit:
                if len(self._leases) >= KEYS_KEPT:
                    self._leases.clear()
                lease = self._leases[key] = _Lease(window, limit)
            return lease

    def _use(self, lease: _Lease) -> bool:
        with self._lock:
            allowed = lease.left > 0
            lease.left -= allowed
            return allowed

    def _renew(self, key: UUID, lease: _Lease) -> None:
        """Take one more share."""
        size = max(1, lease.limit // SHARES)
        total = self._add(f"requests:{key.hex}:{lease.window}", size)
        with self._lock:
            before = lease.total if total is None else total - size
            lease.total = max(lease.total, before + size)
            lease.left += max(0, min(size, lease.limit - before))

    def _add(self, name: str, size: int) -> int | None:
        """The total after adding `size`, in one round trip; None where Redis does not answer."""
        if time.monotonic() < self._sulks_until:
            return None
        try:
            pipeline = self._redis.pipeline(transaction=False)
            pipeline.incrby(name, size)
            pipeline.expire(name, 2 * WINDOW)
            return int(pipeline.execute()[0])
        except redis.RedisError as error:
            self._sulks_until = time.monotonic() + SULK
            log.warning("Redis does not answer, so each process counts requests alone: %s", error)
            return None


@lru_cache(maxsize=1)
def _limiter(url: str) -> Limiter:
    return Limiter(url)


def take(principal: Principal, request: HttpRequest) -> None:
    """Count this request. Refuses: RateLimited."""
    limiter = _limiter(settings.REDIS_URL)
    allowed, headers = limiter.take(principal.id, settings.API_REQUESTS_PER_MINUTE)
    request.rate_limit_headers = headers  # type: ignore[attr-defined]  # for the middleware to say
    if not allowed:
        raise RateLimited(limit=int(headers["RateLimit-Limit"]), retry_after=int(headers["RateLimit-Reset"]))


class KeyThrottle(BaseThrottle):
    """The same for DRF's views."""

    def allow_request(self, request: Request, view: Any) -> bool:
        if isinstance(request.user, Principal):
            take(request.user, request._request)
        return True
