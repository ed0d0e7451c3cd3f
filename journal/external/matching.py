"""Which lines of a statement are which entries of the books: pure, deterministic, and bounded.

Three searches, the surest first, each among what the ones before it left:

1. **reference**: a line and an entry that name each other and come to the same; then all lines and all entries of one
   reference, where one of the two sides is a single one.
2. **amount**: one line and one entry of the same amount, on the same day, then within the window; then of nearly the
   same amount, within the tolerance.
3. **group**: a line that is the sum of a few entries, or an entry that is the sum of a few lines, where no other group
   of that size would do as well. What is ambiguous is left to a person.

Nothing is matched across more days than the window has. Only the third search could grow out of hand: it
looks at the `NEAR` items closest in time, in groups of at most `GROUP`, and stops after `STEPS` sums, which `cut` says.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from heapq import nsmallest
from itertools import combinations
from typing import Any

GROUP = 4  # items of a group that is found by its sum; those of one reference may be any number
NEAR = 16  # items that such a group is looked for among
LOOK = 200  # entries of nearly the same amount that one line is compared with
STEPS = 2_000_000  # of all that is bounded, in one search


@dataclass(frozen=True, slots=True)
class Item:
    """A line or an entry, by its amount in the account's normal direction. `key` orders those of one day."""

    key: Any
    date: date
    amount: int
    references: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Rules:
    """How far apart a line and its entry may be: in minor units, and in days."""

    tolerance: int = 0
    days: int = 3


@dataclass(frozen=True, slots=True)
class Match:
    """Lines and entries that are the same payments; `difference` is what the lines come to beyond the entries."""

    how: str
    lines: tuple[Any, ...]
    entries: tuple[Any, ...]
    difference: int


@dataclass
class Found:
    """The matches, and whether the search stopped at its bound before it had seen everything."""

    matches: list[Match] = field(default_factory=list)
    cut: bool = False


def normal(reference: str) -> str:
    """A reference as it is compared: without blanks around it, whatever its case."""
    return reference.strip().casefold()


def search(lines: Iterable[Item], entries: Iterable[Item], rules: Rules) -> Found:
    """Match lines with entries; the same items give the same matches, in whatever order they come."""
    return _Search(lines, entries, rules).run()


def _order(item: Item) -> tuple[date, Any]:
    return item.date, item.key


class _Search:
    def __init__(self, lines: Iterable[Item], entries: Iterable[Item], rules: Rules) -> None:
        self.lines = {item.key: item for item in sorted(lines, key=_order)}
        self.entries = {item.key: item for item in sorted(entries, key=_order)}
        self.rules = rules
        self.steps = STEPS
        self.found = Found()

    def run(self) -> Found:
        self._by_reference()
        lines, entries = list(self.lines.values()), list(self.entries.values())
        self._pairs("amount", lines, entries)
        self._few()
        return self.found

    def _take(self, how: str, lines: Sequence[Item], entries: Sequence[Item]) -> None:
        difference = sum(line.amount for line in lines) - sum(entry.amount for entry in entries)
        keys = tuple(sorted(line.key for line in lines)), tuple(sorted(entry.key for entry in entries))
        self.found.matches.append(Match(how, *keys, difference))
        for line in lines:
            del self.lines[line.key]
        for entry in entries:
            del self.entries[entry.key]

    def _near(self, one: Item, other: Item) -> bool:
        return abs((one.date - other.date).days) <= self.rules.days

    # 1. By reference.

    def _by_reference(self) -> None:
        named: dict[str, tuple[list[Item], list[Item]]] = {}
        for line in self.lines.values():
            for reference in line.references:
                named.setdefault(reference, ([], []))[0].append(line)
        for entry in self.entries.values():
            for reference in sorted(entry.references & named.keys()):
                named[reference][1].append(entry)
        for lines, entries in named.values():
            if not entries:
                continue
            self._pairs("reference", *self._open(lines, entries))
            left = self._open(lines, entries)
            if all(left) and 1 in map(len, left) and self._fit(*left):
                self._take("reference", *left)

    def _open(self, lines: list[Item], entries: list[Item]) -> tuple[list[Item], list[Item]]:
        """What is left of both."""
        return [each for each in lines if each.key in self.lines], [
            each for each in entries if each.key in self.entries
        ]

    def _fit(self, lines: list[Item], entries: list[Item]) -> bool:
        """Whether a group comes to the same, with all of it within the window of its single side."""
        (one, *more), others = (lines, entries) if len(lines) == 1 else (entries, lines)
        total = sum(other.amount for other in others)
        return (
            not more
            and abs(one.amount - total) <= self.rules.tolerance
            and all(self._near(one, other) for other in others)
        )

    # 2. One with one.

    def _pairs(self, how: str, lines: list[Item], entries: list[Item]) -> None:
        """Pair items of these: the same amount on the same day, then within the window, then nearly the same amount."""
        for days in (0, self.rules.days):
            lines, entries = self._open(lines, entries)
            by_amount: dict[int, list[Item]] = defaultdict(list)
            for entry in entries:
                by_amount[entry.amount].append(entry)
            wanted: dict[int, list[Item]] = defaultdict(list)
            for line in lines:
                if line.amount in by_amount:
                    wanted[line.amount].append(line)
            for amount, alike in wanted.items():
                self._side_by_side(how, alike, by_amount[amount], days)
        if self.rules.tolerance:
            self._nearly(how, *self._open(lines, entries))

    def _side_by_side(self, how: str, lines: list[Item], entries: list[Item], days: int) -> None:
        """Both in the order of their dates, the earliest with the earliest that it can have: no pairing has more."""
        at = 0
        for line in lines:
            while at < len(entries) and (line.date - entries[at].date).days > days:
                at += 1
            if at < len(entries) and (entries[at].date - line.date).days <= days:
                self._take(how, [line], [entries[at]])
                at += 1

    def _nearly(self, how: str, lines: list[Item], entries: list[Item]) -> None:
        """Each line with the entry nearest to it in amount, then in time."""
        by_amount = _Sorted(entries)
        for line in lines:
            reach = self.rules.tolerance
            around, more = by_amount.between(line.amount - reach, line.amount + reach, LOOK)
            self.found.cut |= more
            near = [entry for entry in around if entry.key in self.entries and self._near(line, entry)]
            if near:
                best = min(
                    near, key=lambda entry: (abs(entry.amount - line.amount), _apart(line, entry), *_order(entry))
                )
                self._take(how, [line], [best])

    # 3. One with a few.

    def _few(self) -> None:
        """Until nothing more is found: a group that was one of two may be the only one once the other is taken."""
        before = -1
        while len(self.found.matches) > before and self.steps >= 0:
            before = len(self.found.matches)
            self._groups(self.lines, self.entries, lambda line, group: self._take("group", [line], group))
            self._groups(self.entries, self.lines, lambda entry, group: self._take("group", group, [entry]))

    def _groups(
        self, ones: dict[Any, Item], others: dict[Any, Item], take: Callable[[Item, Sequence[Item]], None]
    ) -> None:
        """Take each of `ones` that is the sum of a few of `others`."""
        by_day: dict[date, list[Item]] = defaultdict(list)
        for other in others.values():
            by_day[other.date].append(other)
        for one in list(ones.values()):
            around = [
                each for day, held in by_day.items() if abs((one.date - day).days) <= self.rules.days for each in held
            ]
            self.steps -= len(by_day) + len(around)
            still = (each for each in around if each.key in others)
            group = self._sum_of(one, nsmallest(NEAR, still, key=lambda each: (_apart(one, each), *_order(each))))
            if self.steps < 0:
                self.found.cut = True
                return
            if group:
                take(one, group)

    def _sum_of(self, one: Item, near: list[Item]) -> Sequence[Item] | None:
        """The one smallest group that comes to `one`; None where there is none, or another like it."""
        for size in range(2, min(GROUP, len(near)) + 1):
            exact: list[Sequence[Item]] = []
            close: list[Sequence[Item]] = []
            for group in combinations(near, size):
                self.steps -= 1
                off = abs(sum(each.amount for each in group) - one.amount)
                if off == 0:
                    exact.append(group)
                elif off <= self.rules.tolerance:
                    close.append(group)
            found = exact or close
            if found or self.steps < 0:
                return found[0] if len(found) == 1 else None
        return None


def _apart(one: Item, other: Item) -> int:
    return abs((one.date - other.date).days)


class _Sorted:
    """Items by amount, to be found by a range of amounts."""

    def __init__(self, items: Iterable[Item]) -> None:
        self.items = sorted(items, key=lambda item: (item.amount, *_order(item)))
        self.amounts = [item.amount for item in self.items]

    def between(self, lowest: int, highest: int, most: int) -> tuple[list[Item], bool]:
        """The items from `lowest` to `highest`, at most so many, and whether there are more."""
        start, end = bisect_left(self.amounts, lowest), bisect_right(self.amounts, highest)
        return self.items[start : min(end, start + most)], end - start > most
