"""Both embedded servers together, as the test run uses them; `manage.py up` supervises them one by one."""

import subprocess
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from ledger_project.embedded import places, postgres, processes, valkey
from ledger_project.embedded.locking import SupervisorLock


class Servers:
    """PostgreSQL and Valkey of one home, started together and stopped together."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._lock = SupervisorLock(home)
        self._running: list[tuple[subprocess.Popen[bytes], str]] = []

    def start(self) -> None:
        """Start both and return when both answer and the roles and the database exist."""
        places.make_home(self.home)
        with ExitStack() as undo:
            undo.callback(self.stop)
            self._lock.acquire()
            place = places.prepare(self.home)
            processes.stop_strays(place.installation)
            database = postgres.start(place)
            self._running.append((database, "postgres"))
            cache = valkey.start(place)
            self._running.append((cache, "valkey"))
            postgres.wait(place, database)
            postgres.prepare(place)
            valkey.wait(place, cache)
            undo.pop_all()

    def stop(self) -> None:
        """Stop what was started."""
        while self._running:
            processes.stop(*self._running.pop())
        self._lock.release()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self.stop()
