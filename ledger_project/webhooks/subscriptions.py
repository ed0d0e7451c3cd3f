"""Which events a webhook is told of: exact types, `hold.*`, or `*`; a type's seed name is as good as the type."""

from collections.abc import Iterable
from functools import lru_cache

from ledger_project.log.command import COMMANDS


def names(command: str, type: str) -> tuple[str, ...]:
    """The names of an event: its type, and those it has in the system it comes from."""
    return (type, *seed_types(command))


def seed_types(command: str) -> tuple[str, ...]:
    """What the event of this command is called in the system it comes from.

    A capture has two names there: one when the charge is captured, one when it is final. What is told here is sealed,
    and that is final, so both are true of it.
    """
    declared = COMMANDS.get(command)
    return declared.seed_events if declared else ()


def matches(patterns: Iterable[str], found: Iterable[str]) -> bool:
    """Whether one of the patterns covers one of the names."""
    return any(_covers(pattern, name) for pattern in patterns for name in found)


def means_something(pattern: str) -> bool:
    """Whether there is an event that this pattern covers: a wrong word would wait for ever in silence."""
    return any(_covers(pattern, name) for name in _known(len(COMMANDS)))


def _covers(pattern: str, name: str) -> bool:
    if pattern.endswith("*"):
        return name.startswith(pattern[:-1])
    return name == pattern


@lru_cache(maxsize=1)
def _known(commands: int) -> frozenset[str]:
    """Every name that events have; counted, because commands are declared while apps are loaded."""
    return frozenset(name for each in COMMANDS.values() for name in names(each.name, each.event))
