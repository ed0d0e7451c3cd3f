"""The time of a command: the database's clock, unless a test moves it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import lru_cache

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_shift: list[timedelta] = [timedelta()]
_stopped: list[datetime] = []


def adjusted(database_time: datetime) -> datetime:
    """The moment that commands see, from the database's `clock_timestamp()`."""
    return (_stopped[-1] if _stopped else database_time) + _shift[-1]


def now() -> datetime:
    """The same moment for code that has no database at hand (lists, pages)."""
    return adjusted(datetime.now(UTC))


@contextmanager
def moved(by: timedelta) -> Iterator[None]:
    """Let time be `by` later for everything inside; for tests of expiry."""
    _shift.append(_shift[-1] + by)
    try:
        yield
    finally:
        _shift.pop()


@contextmanager
def stopped(at: datetime) -> Iterator[None]:
    """Let it be this very moment for everything inside; for tests of what happens at a moment and not after it."""
    _stopped.append(at)
    try:
        yield
    finally:
        _stopped.pop()


def at(microseconds: int) -> datetime:
    """The moment of so many microseconds since 1970, exactly."""
    return _EPOCH + timedelta(microseconds=microseconds)


@lru_cache(maxsize=256)  # a batch has one time, spelt in each of its documents
def stamp(moment: datetime) -> str:
    """RFC 3339 in UTC with six fraction digits: the only spelling of a time in the log and the API."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def read(stamp: str) -> datetime:
    """The moment of a stamp."""
    return datetime.fromisoformat(stamp)
