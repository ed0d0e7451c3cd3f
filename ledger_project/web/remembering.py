"""What is kept in Redis for a while: data, and never an object. Whoever can write there runs nothing here."""

import json
import logging
import time
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar

import redis
from django.core.cache import cache
from django.utils.functional import Promise

T = TypeVar("T")

SULK = 5.0  # seconds that a process does without Redis after it failed, so that no more calls wait for it
_sulks_until = 0.0

log = logging.getLogger(__name__)


class Json:
    """How Django's cache writes values. What it cannot read is as good as not there."""

    def dumps(self, value: Any) -> str:
        return json.dumps(value, allow_nan=False, default=_plain)

    def loads(self, data: bytes) -> Any:
        try:
            return json.loads(data)
        except (ValueError, RecursionError):
            return None


def _plain(value: Any) -> Any:
    """The results of the theme's search, which its templates read as objects or as maps alike."""
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: getattr(value, each.name) for each in fields(value)}
    if isinstance(value, Promise):
        return str(value)
    raise TypeError(f"{type(value).__name__} is no data to keep in Redis")


def remembered(name: str, seconds: int, compute: Callable[[], Any], read: Callable[[Any], T]) -> T:
    """What `compute` said at most `seconds` ago, to whatever process; while Redis is away, what it says now.

    `compute` gives JSON, and `read` makes of it what is wanted, or raises where it is not what `compute` gives.
    """
    global _sulks_until
    if time.monotonic() < _sulks_until:
        return read(compute())
    try:
        known = cache.get(name)
        if known is not None:
            try:
                return read(known)
            except (TypeError, ValueError, LookupError) as error:
                log.warning("%s in Redis is not what this ledger writes, so it is computed: %s", name, error)
        known = compute()
        cache.set(name, known, seconds)
    except redis.RedisError as error:
        _sulks_until = time.monotonic() + SULK
        log.warning("Redis does not answer, so %s is computed each time: %s", name, error)
        known = compute()
    return read(known)
