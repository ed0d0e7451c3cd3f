"""What a reader makes of a file: calls of commands, each with the line that it stands on, or why there is none."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Problem:
    """Something that is wrong with a line; line 0 is the file as a whole."""

    line: int
    reason: str


@dataclass(frozen=True)
class Party:
    """An account that a record moves, with what the file says of it; None is what it does not say."""

    name: str
    type: str | None = None
    currency: str | None = None
    scale: int | None = None
    unbounded: bool | None = None
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Record:
    """One command to carry out; `key` is its idempotency key within the source. Without a command it only opens."""

    line: int
    key: str
    command: str | None
    arguments: dict[str, Any]
    parties: tuple[Party, ...] = ()
    whole_key: bool = False  # the file gave the idempotency key itself


Item = Record | Problem
