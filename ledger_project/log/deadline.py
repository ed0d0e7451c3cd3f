"""How long a call may take. Whoever sent it waits no longer, so nothing that is done for it does."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_deadline: ContextVar[float | None] = ContextVar("deadline", default=None)


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """What this thread does meanwhile takes no longer; an earlier deadline stays."""
    before, this = _deadline.get(), time.monotonic() + seconds
    token = _deadline.set(this if before is None else min(before, this))
    try:
        yield
    finally:
        _deadline.reset(token)


def left() -> float:
    """Seconds until the deadline, none of them below zero; infinity where nobody set one."""
    found = _deadline.get()
    return math.inf if found is None else max(0, found - time.monotonic())
