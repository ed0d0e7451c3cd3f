"""Coverage as a drawing: steps in time, a scale that fits, and words for who does not see it."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from reserves.chart import BOTTOM, LEFT, MOST, RIGHT, TOP, Point, bps_of, draw, percent

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)


def points(*covered: int) -> list[Point]:
    """One an hour."""
    return [Point(NOON + timedelta(hours=n), bps) for n, bps in enumerate(covered)]


@pytest.mark.parametrize("covered", [(), (10_000,)])
def test_of_less_than_two_there_is_no_line(covered: tuple[int, ...]) -> None:
    assert draw(points(*covered)) is None


def test_what_was_attested_stands_until_the_next() -> None:
    chart = draw(points(10_000, 5_000, 15_000))

    assert chart
    # From 0 to 200 %: 100 % is half way up, and the hours are as long as each other.
    assert chart.line == "M90 125H395V178H700V73"
    assert chart.area == f"{chart.line}V{BOTTOM}H{LEFT}Z"
    assert [(rule.y, rule.text, rule.full) for rule in chart.rules] == [
        (230, "0 %", False),
        (178, "50 %", False),
        (125, "100 %", True),
        (73, "150 %", False),
        (20, "200 %", False),
    ]
    assert (chart.range, chart.end) == ("between 50.00 % and 150.00 %", (700, 73))


def test_what_did_not_change_is_said_once() -> None:
    chart = draw(points(11_632, 11_632))

    assert chart
    assert chart.range == "always 116.32 %"


@pytest.mark.parametrize("highest", [0, 9_999, 10_000, 19_999, 20_000, 39_999, 40_000, 123_456, MOST])
def test_every_line_is_on_the_sheet_and_no_two_words_on_each_other(highest: int) -> None:
    chart = draw(points(0, highest))

    assert chart
    assert chart.end[0] == RIGHT
    assert TOP < chart.end[1] <= BOTTOM
    assert [rule.y for rule in chart.rules if rule.full] != []
    written = sorted(rule.y for rule in chart.rules if rule.text)
    assert (written[0], written[-1]) == (TOP, BOTTOM)
    assert all(below - above >= 20 for above, below in pairwise(written))


def test_points_of_one_moment_are_drawn() -> None:
    chart = draw([Point(NOON, 10_000), Point(NOON, 20_000)])

    assert chart
    assert chart.line.startswith(f"M{LEFT} ")


def test_ratios_are_rounded_down_and_end_somewhere() -> None:
    assert percent(bps_of(99_999_999, 100_000_000)) == "99.99 %"  # never 100 % that are not there
    assert percent(bps_of(10**38 - 1, 10**38 - 1)) == "100.00 %"
    assert percent(bps_of(1_234_567, 100_000)) == "1,234.56 %"
    assert percent(bps_of(10**38, 1)) == "over 1,000,000 %"
    assert percent(bps_of(0, 7)) == "0.00 %"
