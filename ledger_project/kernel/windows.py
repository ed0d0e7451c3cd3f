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
SECOND = timedelta(seconds=1)


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
    place = ZoneInfo(zone)
    first = _first(kind, _shown(at, place))
    start, end = _begins(first, place), _begins(_next(kind, first), place)
    while end <= at:  # the clocks were set back across the boundary, so they show the old window in the new one
        first = _next(kind, first)
        start, end = end, _begins(_next(kind, first), place)
    return start, end


def _shown(at: datetime, place: ZoneInfo) -> datetime:
    """What the clocks show at this moment."""
    return at.astimezone(place).replace(tzinfo=None, fold=0)


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


def _begins(boundary: datetime, place: ZoneInfo) -> datetime:
    """The first moment at which the clocks show this time or a later one."""
    one, other = (boundary.replace(tzinfo=place, fold=fold).astimezone(UTC) for fold in (0, 1))
    low, high = min(one, other), max(one, other)
    if _shown(low, place) == boundary:
        return low
    # The clocks leave this time out: with the offset after the change it would be before the change, and the other way
    # round. Clocks change on a whole second.
    while high - low > SECOND:
        middle = low + (high - low) // (2 * SECOND) * SECOND
        low, high = (low, middle) if _shown(middle, place) >= boundary else (middle, high)
    return high
