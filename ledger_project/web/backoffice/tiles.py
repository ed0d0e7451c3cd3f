"""The dashboard's tiles: small classes that apps register in their `panels` module.

    @tile
    class OpenHolds(NumberTile):
        title, permission, order = "Open holds", "holds.view_hold", 40

        def number(self) -> Number:
            return Number(count_up_to(Hold.objects.filter(status="pending")))

A tile reads little: the dashboard is the page that everybody opens, so nothing on it counts a big table.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, PermissionsMixin
from django.db.models import QuerySet

from ledger_project.web.backoffice.html import Column

COUNTED = 10_000  # beyond this a tile says "10,000+" instead of reading on


class Tile:
    """One tile. It is shown to those who have `permission`; lower `order` comes first."""

    title: ClassVar[str]
    permission: ClassVar[str]
    order: ClassVar[int] = 50
    template: ClassVar[str]

    def context(self) -> dict[str, Any]:
        """What the template shows."""
        raise NotImplementedError


TILES: list[type[Tile]] = []
T = TypeVar("T", bound=type[Tile])


def tile(kind: T) -> T:
    """Put a tile on the dashboard."""
    TILES.append(kind)
    return kind


def tiles_for(user: AbstractBaseUser | PermissionsMixin | AnonymousUser) -> list[dict[str, Any]]:
    """The tiles that this person may see, in order, with what they show."""
    kinds = sorted(TILES, key=lambda kind: (kind.order, kind.title))
    shown = [kind for kind in kinds if user.has_perm(kind.permission)]  # type: ignore[union-attr]
    return [{"title": kind.title, "template": kind.template, **kind().context()} for kind in shown]


@dataclass(frozen=True)
class Number:
    """What a number tile says: a figure, a line below it, a tone (`good`, `bad`, or none) and where it leads."""

    figure: str
    caption: str = ""
    tone: str = ""
    href: str = ""


class NumberTile(Tile):
    """One figure."""

    template = "admin/tiles/number.html"

    def number(self) -> Number:
        raise NotImplementedError

    def context(self) -> dict[str, Any]:
        return {"number": self.number()}


class TableTile(Tile):
    """A few rows."""

    template = "admin/tiles/table.html"
    columns: ClassVar[Sequence[Column]]

    def rows(self) -> Sequence[Sequence[Any]]:
        raise NotImplementedError

    def context(self) -> dict[str, Any]:
        return {"columns": self.columns, "rows": self.rows()}


def count_up_to(rows: "QuerySet[Any]", limit: int = COUNTED) -> str:
    """How many rows there are, "10,000+" from the limit on: the reading is bounded whatever the table's size."""
    found = rows.order_by()[:limit].count()
    return f"{found:,}" + ("+" if found == limit else "")


R = TypeVar("R")


class Remembered(Generic[R]):
    """A figure that this process computes at most once in `seconds`, however often the dashboard is opened."""

    def __init__(self, compute: Callable[[], R], seconds: int) -> None:
        self.compute = compute
        self.seconds = seconds
        self._known: tuple[float, R] | None = None

    def get(self) -> R:
        now = time.monotonic()
        if self._known is None or now - self._known[0] >= self.seconds:
            self._known = now, self.compute()
        return self._known[1]

    def forget(self) -> None:
        self._known = None
