"""Logging in to the back office: how often a password may be tried, and what is told of it in the log.

An attempt is counted before the password is looked at, in Redis for all processes and in each process's own memory as
well: while Redis is away, or after it was emptied, a process goes on by what it has seen itself. API keys do not come
this way, so nobody locks out a program.
"""

import hashlib
import ipaddress
import logging
import threading
import time
from functools import lru_cache
from typing import Any

import redis
from django.conf import settings
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.core.exceptions import ValidationError
from django.dispatch import receiver
from django.http import HttpRequest
from unfold.forms import AuthenticationForm

from ledger_project.web.api.throttling import KEYS_KEPT, PATIENCE, SULK

WINDOW = 15 * 60  # seconds, from the first failure on
BY_NAME = 5  # failures of one name from one address
BY_ADDRESS = 50  # failures of all names from one address

log = logging.getLogger(__name__)


class Attempts:
    """Counts by name, each for a window that begins with its first attempt."""

    def __init__(self, url: str) -> None:
        self._redis: Any = redis.Redis.from_url(url, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE)
        self._own: dict[str, tuple[int, float]] = {}
        self._lock = threading.Lock()
        self._sulks_until = 0.0

    def take(self, name: str) -> tuple[int, int]:
        """One more attempt: how many there were in its window, and the seconds that are left of that."""
        counted, left = self._count_here(name, 1)
        shared = self._ask(name, 1)
        return max((counted, left), shared) if shared else (counted, left)

    def give_back(self, name: str) -> None:
        """An attempt that was none: the password was right."""
        self._count_here(name, -1)
        self._ask(name, -1)

    def forget(self, name: str) -> None:
        with self._lock:
            self._own.pop(name, None)
        self._call(lambda pipeline: pipeline.delete(name))

    def _count_here(self, name: str, change: int) -> tuple[int, int]:
        now = time.monotonic()
        with self._lock:
            count, until = self._own.get(name, (0, 0.0))
            if until <= now:
                count, until = 0, now + WINDOW
                if len(self._own) >= KEYS_KEPT:
                    self._own.clear()
            self._own[name] = max(0, count + change), until
            return self._own[name][0], int(until - now)

    def _ask(self, name: str, change: int) -> tuple[int, int] | None:
        answer = self._call(lambda pipeline: pipeline.incrby(name, change).expire(name, WINDOW, nx=True).ttl(name))
        return (int(answer[0]), int(answer[2])) if answer else None

    def _call(self, fill: Any) -> Any:
        """The pipeline's answers, or None where Redis does not answer."""
        if time.monotonic() < self._sulks_until:
            return None
        try:
            pipeline = self._redis.pipeline(transaction=False)
            fill(pipeline)
            return pipeline.execute()
        except redis.RedisError as error:
            self._sulks_until = time.monotonic() + SULK
            log.warning("Redis does not answer, so each process counts logins alone: %s", error)
            return None


@lru_cache(maxsize=1)
def _attempts(url: str) -> Attempts:
    return Attempts(url)


def attempts() -> Attempts:
    return _attempts(settings.REDIS_URL)


def address_of(request: HttpRequest) -> str:
    """Whom a request comes from. Behind the proxy that `HTTPS` speaks of, that is the last of those it was told."""
    told = request.META.get("HTTP_X_FORWARDED_FOR", "") if settings.HTTPS else ""
    return told.rpartition(",")[2].strip() or request.META.get("REMOTE_ADDR", "")


class LoginForm(AuthenticationForm):
    """The theme's form, behind the counter. `retry_after` is set when it refused to look at the password."""

    retry_after = 0

    def clean(self) -> dict[str, Any]:
        if "username" not in self.cleaned_data or "password" not in self.cleaned_data:
            return self.cleaned_data
        address = address_of(self.request)
        whole, single = _names(address, self.cleaned_data["username"])
        for name, limit in ((whole, BY_ADDRESS), (single, BY_NAME)):
            count, left = attempts().take(name)
            if count > limit:
                self.retry_after = max(1, left)
                log.warning("login refused: too many attempts for %r from %s", self._name(), address)
                minutes = -(-self.retry_after // 60)
                raise ValidationError(f"Too many attempts. Try again in {minutes} minutes.", code="throttled")
        cleaned: dict[str, Any] = super().clean()
        attempts().forget(single)
        attempts().give_back(whole)
        return cleaned

    def _name(self) -> str:
        return str(self.cleaned_data["username"])[:150]


def _names(address: str, username: str) -> tuple[str, str]:
    """The counters of an address, and of one name from there. Of IPv6 a household has 2^64, which count as one."""
    try:
        if ipaddress.ip_address(address).version == 6:
            address = str(ipaddress.ip_network(f"{address}/64", strict=False))
    except ValueError:
        pass  # no address, so it is what it says
    single = hashlib.sha256(f"{address}\n{username.casefold()}".encode()).hexdigest()
    return f"logins:address:{hashlib.sha256(address.encode()).hexdigest()}", f"logins:name:{single}"


def _said(request: HttpRequest | None) -> str:
    return address_of(request) if request is not None else "a shell"


@receiver(user_logged_in, dispatch_uid="tell_login")
def _tell_login(request: HttpRequest | None, user: Any, **_: Any) -> None:
    log.info("login of %r from %s", user.get_username(), _said(request))


@receiver(user_logged_out, dispatch_uid="tell_logout")
def _tell_logout(request: HttpRequest | None, user: Any, **_: Any) -> None:
    log.info("logout of %r from %s", user.get_username() if user else None, _said(request))


@receiver(user_login_failed, dispatch_uid="tell_failure")
def _tell_failure(credentials: dict[str, Any], request: HttpRequest | None = None, **_: Any) -> None:
    log.warning("login failed for %r from %s", str(credentials.get("username"))[:150], _said(request))
