"""Windows of time: the hour, day, week or month of a time zone that a moment is in.

A window is half open, [start, end) in UTC, and windows of one kind and zone follow on each other without a gap and
without an overlap. Days, weeks (from Monday) and months begin with the first moment of their first day, whatever the
zone's clocks do: a day has 23 or 25 hours twice a year. Hours are those of the clock on the wall; where it is set back,
the hour that is shown twice is one window of two.
"""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

KINDS = ("hour", "day", "week", "month", "total")
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def is_zone(name: str) -> bool:
    """Whether the IANA database has a zone of this name."""
    return name in _zones()


def window(kind: str, zone: str, at: datetime) -> tuple[datetime, datetime | None]:
    """The window that a moment is in; that of `total` never ends."""
    if kind == "total":
        return BEGINNING, None
    local = at.astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0)
    first = _first(kind, local)
    return _moment(first, zone), _moment(_next(kind, first), zone)


def _first(kind: str, local: datetime) -> datetime:
    """Where the window of this time on the wall begins, on the wall."""
    if kind == "hour":
        return local.replace(minute=0, second=0, microsecond=0)
    day = local.replace(hour=0, minute=0, second=0, microsecond=0)
    if kind == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if kind == "month" else day


def _next(kind: str, first: datetime) -> datetime:
    if kind == "month":
        return (first + timedelta(days=32)).replace(day=1)
    return first + {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(weeks=1)}[kind]


def _moment(wall: datetime, zone: str) -> datetime:
    """The first moment at which the wall shows this time or a later one, and showed only earlier ones before."""
    place = ZoneInfo(zone)
    earlier, later = (wall.replace(tzinfo=place, fold=fold).astimezone(UTC) for fold in (0, 1))
    shown = earlier.astimezone(place).replace(tzinfo=None, fold=0)
    if shown == wall:
        return min(earlier, later)  # shown once, or twice: the first time
    # The clock skips it: of the two readings one is before the change and one after; the change itself is between.
    low, high = min(earlier, later), max(earlier, later)
    while high - low > MICROSECOND:
        middle = low + (high - low) / 2
        if middle.astimezone(place).replace(tzinfo=None, fold=0) < wall:
            low = middle
        else:
            high = middle
    return high
