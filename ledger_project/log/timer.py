"""What must go on whatever becomes of the broker: the log is sealed, and holds whose time is over end.

A process of its own (`manage.py run_timer`), with PostgreSQL alone to depend on. Each job has a thread, so that none
waits for another. Any number of these processes may run: one seals, and sweepers pass over what others have locked.
"""

import logging
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from celery import current_app
from django.conf import settings
from django.db import connections
from django.utils.module_loading import import_string
from kombu.exceptions import OperationalError

from ledger_project.log import outages, sealing
from ledger_project.log.sealer import NoSealer
from ledger_project.log.signing import NoSigningKey
from ledger_project.log.tree import LogAltered
from ledger_project.log.waking import Bell

SEAL_EVERY: Final = 1  # seconds; sooner when somebody waits
BREATH: Final = 0.05  # seconds between two passes, however many wait
BACK_OFF: Final = (1, 2, 5)  # seconds after a failure, the first, the second and all others in a row
SULK: Final = 5  # seconds to do without the broker after it failed

log = logging.getLogger(__name__)


class Timer:
    """The jobs of one process. `pulse` is a file that is touched after each pass of the sealer, for who watches it."""

    def __init__(self, pulse: Path | None = None) -> None:
        self._pulse = pulse
        self._over = threading.Event()
        self._news = threading.Event()

    def run(self) -> None:
        """Until `stop`."""
        bell = Bell()
        jobs: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {
            "seal": (self.seal, partial(bell.wait, SEAL_EVERY)),
            "wake readers": (self._wake_readers, lambda: None),
        }
        for name, seconds in settings.TIMED.items():
            jobs[name] = import_string(name), partial(self._over.wait, seconds)
        threads = [threading.Thread(target=self._repeat, name=name, args=(name, *job)) for name, job in jobs.items()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        bell.close()

    def stop(self) -> None:
        """What is being done is finished."""
        self._over.set()

    def _repeat(self, name: str, work: Callable[[], object], rest: Callable[[], object]) -> None:
        """A failure, whatever it is, must not be the last thing that a job did: the next run may find it mended."""
        failures = 0
        while not self._over.is_set():
            try:
                work()
                rest()
                failures = 0
            except Exception as failure:
                known = outages.outage_of(failure)
                log.error("%s failed: %s", name, outages.in_a_line(failure), exc_info=None if known else failure)
                connections.close_all()  # of this thread: one that was lost is made anew
                self._over.wait(BACK_OFF[min(failures, len(BACK_OFF) - 1)])
                failures += 1
        connections.close_all()

    def seal(self) -> None:
        """What stands against it is an alarm, in a finding and in the log, each time."""
        try:
            if sealing.seal().sealed:
                self._news.set()
        except (LogAltered, NoSealer, NoSigningKey) as refused:
            log.critical("nothing is sealed: %s", refused)
        if self._pulse:
            self._pulse.touch()
        self._over.wait(BREATH)

    def _wake_readers(self) -> None:
        """Have those who read the sealed log do so now. Best effort: their schedules come anyway."""
        if not self._news.wait(SEAL_EVERY):
            return
        self._news.clear()
        try:
            for name in settings.LOG_READERS:
                current_app.send_task(name, retry=False, expires=1)
        except OperationalError as error:
            log.warning("the readers of the log were not woken: %s", error)
            self._over.wait(SULK)
