"""Coverage over time as the lines of a drawing: whole numbers for an SVG, nothing that needs a script.

An attestation stands until the next one, so the line goes in steps. Ratios are hundredths of a percent, rounded down.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

WIDTH, HEIGHT = 720, 280
LEFT, RIGHT, TOP, BOTTOM = 90, 700, 20, 230
FULL, MOST = 10_000, 100_000_000
STEPS = 4  # lines across, at most


@dataclass(frozen=True, slots=True)
class Point:
    """What was covered from a moment on."""

    at: datetime
    bps: int


@dataclass(frozen=True, slots=True)
class Rule:
    """A line across, and what it stands for."""

    y: int
    text: str
    full: bool


@dataclass(frozen=True, slots=True)
class Chart:
    line: str
    area: str
    rules: list[Rule]
    first: Point
    last: Point
    range: str
    end: tuple[int, int]


def bps_of(numerator: int, denominator: int) -> int:
    """At most MOST: where next to nothing is owed, the ratio has too many digits to be read or drawn."""
    return min(numerator * FULL // denominator, MOST)


def percent(bps: int) -> str:
    """As in "1,234.56 %"."""
    return f"{bps // 100:,}.{bps % 100:02} %" if bps < MOST else f"over {MOST // 100:,} %"


def draw(points: Sequence[Point]) -> Chart | None:
    """The drawing of two or more points in the order of time; of fewer there is none."""
    if len(points) < 2:
        return None
    step = _step(max(FULL, *(point.bps for point in points)))
    top = step * STEPS
    spots = [(_x(point, points), _y(point.bps, top)) for point in points]
    line = f"M{spots[0][0]} {spots[0][1]}" + "".join(f"H{x}V{y}" for x, y in spots[1:])
    return Chart(
        line=line,
        area=f"{line}V{BOTTOM}H{spots[0][0]}Z",
        rules=[_rule(bps, step, top) for bps in sorted({*range(0, top + 1, step), FULL})],
        first=points[0],
        last=points[-1],
        range=_range({point.bps for point in points}),
        end=spots[-1],
    )


def _range(found: set[int]) -> str:
    low, high = percent(min(found)), percent(max(found))
    return f"always {low}" if low == high else f"between {low} and {high}"


def _rule(bps: int, step: int, top: int) -> Rule:
    crowded = bps % step > 0 and step > 2 * FULL  # then "100 %" would be written over "0 %"
    return Rule(_y(bps, top), "" if crowded else f"{bps // 100:,} %", bps == FULL)


def _step(highest: int) -> int:
    """The distance of lines, of which the uppermost is above `highest`: 50 %, 100 %, 200 % …"""
    step = FULL // 2
    while step * STEPS <= highest:
        step *= 2
    return step


def _x(point: Point, points: Sequence[Point]) -> int:
    whole = max(points[-1].at - points[0].at, timedelta(microseconds=1))
    return LEFT + (RIGHT - LEFT) * (point.at - points[0].at) // whole


def _y(bps: int, top: int) -> int:
    return BOTTOM - (BOTTOM - TOP) * bps // top
