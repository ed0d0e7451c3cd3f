"""Identifiers: UUIDv7 inside, a prefix and 32 hex digits outside.

The ids are ordered like the log: their 60 leading bits are the database's time in quarter microseconds, then the
position within the batch. So "newest first" needs no index beside the primary key.
"""

import os
import re
from datetime import UTC, datetime, timedelta
from uuid import UUID

FIRST, LAST = UUID(int=0), UUID(int=2**128 - 1)  # no id lies outside of them
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_SHAPE = re.compile(r"[a-z]{3}_[0-9a-f]{32}")


def make(moment: datetime, position: int) -> UUID:
    """The `position`-th id (0 to 65,535) of the batch recorded at `moment` (RFC 9562, section 6.2, method 3)."""
    microseconds = (moment - _EPOCH) // _MICROSECOND
    milliseconds, rest = divmod(microseconds, 1000)
    random = int.from_bytes(os.urandom(6), "big") & ((1 << 46) - 1)
    value = milliseconds << 80 | 0x7 << 76 | (rest * 4096 // 1000) << 64 | 0b10 << 62 | position << 46 | random
    return UUID(int=value)


def first(moment: datetime) -> UUID:
    """The bound below every id of this moment and above every id before it."""
    milliseconds, rest = divmod(max(0, (moment - _EPOCH) // _MICROSECOND), 1000)
    return UUID(int=milliseconds << 80 | 0x7 << 76 | (rest * 4096 // 1000) << 64)


def show(prefix: str, value: UUID) -> str:
    """The public form: `evt_` and 32 hex digits."""
    return f"{prefix}_{value.hex}"


def read(prefix: str, text: str) -> UUID | None:
    """The UUID of a public id with this prefix, or None."""
    if text.startswith(f"{prefix}_") and _SHAPE.fullmatch(text):
        return UUID(hex=text[4:])
    return None


def looks_like_id(text: str) -> bool:
    """Whether a name could be mistaken for a public id."""
    return _SHAPE.fullmatch(text) is not None
