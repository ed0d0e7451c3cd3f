"""What is kept in Redis for a while: data, and never an object. Whoever can write there runs nothing here."""

import json
import logging
from collections.abc import Callable
from typing import Any, TypeVar

import redis
from django.core.cache import cache

T = TypeVar("T")

log = logging.getLogger(__name__)


class Json:
    """How Django's cache writes values. What it cannot read is as good as not there."""

    def dumps(self, value: Any) -> str:
        return json.dumps(value, allow_nan=False)

    def loads(self, data: bytes) -> Any:
        try:
            return json.loads(data)
        except (ValueError, RecursionError):
            return None


def remembered(name: str, seconds: int, compute: Callable[[], Any], read: Callable[[Any], T]) -> T:
    """What `compute` said at most `seconds` ago, to whatever process; while Redis is away, what it says now.

    `compute` gives JSON, and `read` makes of it what is wanted, or raises where it is not what `compute` gives.
    """
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
        log.warning("Redis does not answer, so %s is computed each time: %s", name, error)
        known = compute()
    return read(known)
