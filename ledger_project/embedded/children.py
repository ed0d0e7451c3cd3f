"""The supervised processes: when one that died is started again, and what `/readyz` is told of it meanwhile.

A child that dies takes nobody with it. It is started again for ever, each time a little later, so that whatever keeps
it from living (a full disk, say) costs the others little; once it has lived for a while, its next death is a first one.
"""

import json
import os
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

# Seconds from a death to the next start. The last of them goes on for ever; what it waited for is over for no longer.
BACK_OFF: Final = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
SETTLED: Final = 10.0  # seconds after which a child that lives is believed to
WINDOW: Final = 60.0
RESTLESS: Final = 3  # deaths within the window: once can happen
PAGE: Final = 4096  # bytes of the file: what is written never needs more room than it has
RETRY: Final = 1.0

Process = subprocess.Popen[bytes]


@dataclass
class Child:
    """One supervised process: how it is started, how its first start is seen to be done, how often it died lately."""

    role: str
    start: Callable[[], Process]
    wait: Callable[[Process], None] = lambda process: None
    process: Process | None = None
    deaths: list[float] = field(default_factory=list)
    in_a_row: int = 0
    started_at: float = 0.0
    restart_at: float = 0.0

    def begin(self) -> Process:
        """Start it. Raises what starting a process can: StartFailed, OSError and their like."""
        self.started_at = time.monotonic()
        self.process = self.start()
        return self.process

    def die(self) -> float:
        """It is dead, or could not be started: the seconds until the next start."""
        now = time.monotonic()
        self.in_a_row = 1 if self._has_settled(now) else self.in_a_row + 1
        self.process = None
        self.deaths = [*(death for death in self.deaths if death > now - WINDOW), now]
        pause = BACK_OFF[min(self.in_a_row, len(BACK_OFF)) - 1]
        self.restart_at = now + pause
        return pause

    def trouble(self) -> str:
        """What is to be told of a child that does not come to rest, in words; empty for any other."""
        now = time.monotonic()
        lately = sum(death > now - WINDOW for death in self.deaths)
        if lately < RESTLESS or self._has_settled(now):
            return ""
        return f"has died {lately} times in a minute"

    def _has_settled(self, now: float) -> bool:
        return self.process is not None and now - self.started_at >= SETTLED


class Board:
    """The file that says which children are restless, for `/readyz`; it exists while a supervisor watches.

    It has its size from the start and is written in place: a disk that is full by then has room for it all the same.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._shown: Mapping[str, str] | None = None
        self._next_try = 0.0

    def show(self, told: Mapping[str, str]) -> None:
        """Best effort: watching the children goes on when this cannot be written."""
        if told == self._shown or time.monotonic() < self._next_try:
            return
        try:
            file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                os.pwrite(file, json.dumps(told).encode().ljust(PAGE), 0)
            finally:
                os.close(file)
        except OSError:
            self._next_try = time.monotonic() + RETRY
        else:
            self._shown = dict(told)

    def clear(self) -> None:
        self._shown = None
        self._path.unlink(missing_ok=True)
