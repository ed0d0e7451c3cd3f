"""Who is calling: `Authorization: Bearer lk_<prefix>_<secret>`.

Only the SHA-256 of the secret is stored; 192 random bits need no slow hash. A key that was found is believed for
`API_KEY_CACHE_SECONDS` by each process, which bounds how long a revoked key lives on; its expiry is always exact.
"""

import hashlib
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import ClassVar, Self, cast
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest
from django.utils.module_loading import import_string
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from ledger_project.kernel import clock
from ledger_project.log.caller import Caller
from ledger_project.web.api.errors import NotAuthenticated

_TOKEN = re.compile(r"lk_([0-9a-f]{12})_([0-9a-f]{48})")
CACHED_KEYS = 10_000


@dataclass(frozen=True, slots=True)
class Principal:
    """The API key behind a request; what views see as `request.user`."""

    tenant: int
    id: UUID
    prefix: str
    caller: Caller

    is_authenticated: ClassVar[bool] = True

    @classmethod
    def of(
        cls,
        tenant: int,
        id: UUID,
        prefix: str,
        scopes: Iterable[str],
        account: UUID | None,
        expires_at: datetime | None,
        *,
        identity: str,
        lineage: Iterable[UUID] = (),
    ) -> Self:
        """The key; the log names it by its prefix."""
        caller = Caller(
            f"key:{prefix}", identity, frozenset(scopes), account, id, lineage=tuple(lineage), expires_at=expires_at
        )
        return cls(tenant, id, prefix, caller)

    @property
    def account(self) -> UUID | None:
        return self.caller.account


LookUp = Callable[[str, bytes], Principal | None]


@lru_cache(maxsize=1)
def _look_up() -> LookUp:
    """Keys are rows of an app above this layer, so it is named in the settings instead of imported."""
    found: LookUp = import_string(settings.API_CREDENTIALS)
    return found


class _Cache:
    """Keys that this process found a moment ago."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, bytes], tuple[float, Principal]] = {}

    def find(self, prefix: str, digest: bytes) -> Principal | None:
        now = time.monotonic()
        believed = self._found.get((prefix, digest))
        if believed is not None and now < believed[0]:
            return believed[1]
        principal = _look_up()(prefix, digest)
        if principal is None:
            self._found.pop((prefix, digest), None)
            return None
        if len(self._found) >= CACHED_KEYS:
            self._found.clear()
        self._found[prefix, digest] = now + settings.API_KEY_CACHE_SECONDS, principal
        return principal


_cache = _Cache()


def authenticate(request: HttpRequest) -> Principal | None:
    """The caller, or None without credentials. Refuses: NotAuthenticated."""
    header = request.META.get("HTTP_AUTHORIZATION")
    if not header:
        return None
    scheme, _, token = header.partition(" ")
    shape = _TOKEN.fullmatch(token.strip())
    if scheme.lower() != "bearer" or shape is None:
        raise NotAuthenticated(reason="not a bearer token of the form lk_<prefix>_<secret>")
    principal = _cache.find(shape[1], digest_of(shape[2]))
    if principal is None:
        raise NotAuthenticated(reason="this key is unknown or revoked")
    expires_at = principal.caller.expires_at
    if expires_at is not None and expires_at <= clock.now():
        raise NotAuthenticated(reason="this key has expired", expired_at=clock.stamp(expires_at))
    return principal


def digest_of(secret: str) -> bytes:
    """What is stored of a secret."""
    return hashlib.sha256(secret.encode()).digest()


def caller(request: Request) -> Principal:
    """Who was let in by DRF's permissions."""
    return cast(Principal, request.user)


class ApiKeyAuthentication(BaseAuthentication):
    """The same for DRF's views."""

    def authenticate(self, request: Request) -> tuple[Principal, None] | None:
        principal = authenticate(request._request)
        return None if principal is None else (principal, None)

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"
