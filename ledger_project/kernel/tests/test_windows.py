"""Windows of time: every moment is in one, and they follow on each other, whatever clocks do."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_project.kernel.windows import KINDS, is_zone, window

ZONES = (
    "UTC", "Europe/Berlin", "America/New_York", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu",
    "America/Sao_Paulo", "Africa/Cairo", "Asia/Beirut", "America/Havana", "Pacific/Apia", "Pacific/Kiritimati",
    "Asia/Amman", "Africa/Casablanca", "Antarctica/Troll", "America/Scoresbysund",
)  # fmt: skip
moments = st.datetimes(datetime(1990, 1, 1), datetime(2037, 12, 31), timezones=st.just(UTC))
bounded = st.sampled_from([kind for kind in KINDS if kind != "total"])


@given(kind=bounded, zone=st.sampled_from(ZONES), at=moments)
def test_a_moment_is_in_its_window_and_windows_follow_on_each_other(kind: str, zone: str, at: datetime) -> None:
    start, end = window(kind, zone, at)
    assert end is not None

    assert start <= at < end
    assert window(kind, zone, start) == (start, end)
    assert window(kind, zone, end - timedelta(microseconds=1)) == (start, end)
    assert window(kind, zone, end)[0] == end


@pytest.mark.parametrize(
    ("kind", "zone", "at", "start", "end"),
    [
        ("day", "Europe/Berlin", "2026-03-29T12:00", "2026-03-28T23:00", "2026-03-29T22:00"),  # 23 hours
        ("day", "Europe/Berlin", "2026-10-25T12:00", "2026-10-24T22:00", "2026-10-25T23:00"),  # 25 hours
        ("week", "UTC", "2026-12-01T00:00", "2026-11-30T00:00", "2026-12-07T00:00"),
        ("month", "Asia/Kathmandu", "2026-11-30T18:14", "2026-10-31T18:15", "2026-11-30T18:15"),
        ("month", "Asia/Kathmandu", "2026-11-30T18:15", "2026-11-30T18:15", "2026-12-31T18:15"),
        ("hour", "Asia/Kathmandu", "2026-12-01T00:20", "2026-12-01T00:15", "2026-12-01T01:15"),
        ("hour", "Europe/Berlin", "2026-10-25T00:30", "2026-10-25T00:00", "2026-10-25T02:00"),  # 02:00 twice
        ("day", "Africa/Cairo", "2026-04-24T12:00", "2026-04-23T22:00", "2026-04-24T21:00"),  # midnight is skipped
        # A minute after midnight the clocks go back to 23:01 of the day before.
        ("day", "America/St_Johns", "2010-11-07T02:45", "2010-11-07T02:30", "2010-11-08T03:30"),
        ("day", "America/Havana", "2026-11-01T12:00", "2026-11-01T04:00", "2026-11-02T05:00"),  # midnight twice
    ],
)
def test_windows_by_hand(kind: str, zone: str, at: str, start: str, end: str) -> None:
    read = [datetime.fromisoformat(each).replace(tzinfo=UTC) for each in (at, start, end)]

    assert window(kind, zone, read[0]) == (read[1], read[2])


def test_everything_is_in_the_window_that_never_ends() -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    assert window("total", "Europe/Berlin", at) == (datetime(1970, 1, 1, tzinfo=UTC), None)


def test_a_zone_is_one_of_the_iana_database() -> None:
    assert is_zone("Europe/Berlin")
    assert not is_zone("Berlin")
