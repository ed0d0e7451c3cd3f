"""The front page: what this is, what it has done so far, and how a first call looks.

Its figures come from functions that the settings name, as they are about apps which this layer does not import.
"""

from dataclasses import astuple, dataclass
from datetime import UTC
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.module_loading import import_string

from ledger_project.log import sealing
from ledger_project.web.pages.public import address, day, for_everybody, page
from ledger_project.web.remembering import remembered

KEEP_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Figure:
    """One live figure: what it is of, how much, what to know of it, where to check it."""

    label: str
    figure: str = "—"
    caption: str = ""
    href: str = ""


@for_everybody(seconds=KEEP_SECONDS)
def landing(request: HttpRequest) -> HttpResponse:
    shown = remembered("landing", KEEP_SECONDS, figures, _read)
    return page("landing.html", {"url": address(request), "figures": shown})


def figures() -> list[tuple[str, ...]]:
    return [astuple(import_string(name)()) for name in settings.LANDING_FIGURES]


def _read(kept: Any) -> list[Figure]:
    """Raises TypeError."""
    return [Figure(*map(str, each)) for each in kept]


def sealed() -> Figure:
    head = sealing.newest()
    return Figure("Events sealed", f"{head.size if head else 0:,}", "in one signed Merkle tree", "/log/checkpoint")


def checkpoint() -> Figure:
    head = sealing.newest()
    if head is None:
        return Figure("Last checkpoint", caption="nothing is sealed yet")
    signed = head.recorded_at.astimezone(UTC)
    return Figure("Last checkpoint", f"{signed:%H:%M:%S}", f"UTC, {day(signed)}", "/log/checkpoint")
