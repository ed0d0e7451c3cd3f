"""When a delivery is tried again, and how long an endpoint that fails is left alone.

A delivery has ten attempts over about 75 hours. Until its third it keeps its place: the endpoint rests as long as the
delivery does, and nothing behind it is sent. After that it steps aside and is tried on its own, so that one event which
a receiver cannot take delays the others for about five minutes and not for days.

Where no order is asked, a delivery that fails waits for itself alone, and the endpoint rests only when nothing gets
through: after three failures in a row a little, with one delivery at a time, and after those of all that were under way
and three more as below.

An endpoint that fails whatever it is sent is asked with one delivery every five minutes. Its first success wakes all
that wait.
"""

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

DELAYS = tuple(
    timedelta(seconds=seconds) for seconds in (5, 300, 1800, 7200, 5 * 3600, 10 * 3600, 14 * 3600, 20 * 3600, 24 * 3600)
)
MOST_ATTEMPTS = len(DELAYS) + 1
IN_ORDER = 3  # attempts for which a delivery holds its place
AT_ONCE = 16  # under way to an endpoint that asks for no order
REST = DELAYS[1]
LONGEST_WISH = timedelta(hours=1)  # of a Retry-After

_random = secrets.SystemRandom()


def next_attempt(attempts: int) -> timedelta | None:
    """How long after its n-th attempt a delivery is due again; None after the last. Up to a tenth more or less."""
    if attempts >= MOST_ATTEMPTS:
        return None
    return DELAYS[max(attempts, 1) - 1] * _random.uniform(0.9, 1.1)


def rest(attempts: int, failures: int, until_due: timedelta | None, *, ordered: bool = True) -> timedelta:
    """How long an endpoint is left alone after a delivery's n-th attempt and its own m-th failure in a row."""
    if ordered and until_due is not None and attempts < IN_ORDER:
        return until_due
    if not ordered and failures < IN_ORDER:
        return timedelta()
    long = failures >= (IN_ORDER if ordered else AT_ONCE + IN_ORDER)
    return REST * _random.uniform(0.9, 1.1) if long else DELAYS[0]


def wish(headers: Mapping[str, str], now: datetime) -> timedelta:
    """What a Retry-After header asks for, in seconds or as a date; nothing where there is none, bounded where it is."""
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return min(timedelta(seconds=int(value[:9])), LONGEST_WISH)
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):  # the latter for a year or a zone of twenty digits
        return timedelta()
    asked = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now
    return max(timedelta(), min(asked, LONGEST_WISH))
