"""Base backups of the test server, restored into a server of their own, and a worker that wakes up on such a copy."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import connection

from ledger_project.embedded import home as addresses
from ledger_project.embedded import packages, places, postgres, processes
from ledger_project.embedded.home import PORT
from ledger_project.embedded.places import Place
from ledger_project.testing.run import PROJECT, remove_home, with_number

REDIS_NUMBER = 15  # no worker of a test run has it

# All that the timer and beat would start, a few times over, and how the copy fares after each round.
WORKER = """
import json, os, sys
import django
os.environ["DJANGO_SETTINGS_MODULE"] = "ledger_project.settings"
django.setup()
import redis
from django.conf import settings
from django.utils.module_loading import import_string
from ledger_project.celery import app
from ledger_project.log import status
from ledger_project.log.models import Checkpoint, SealingFinding
from ledger_project.log.timer import Timer
from ledger_project.testing.ledger import Ledger
app.loader.import_default_modules()
exec(sys.argv[1])
def closed():  # but for those that each night's check closes and opens
    return SealingFinding.objects.exclude(resolved_at=None).exclude(kind="verification_failed").count()
rounds, before, closed_before = [], Checkpoint.objects.count(), closed()
for _ in range(3):
    Timer().seal()
    for name in settings.TIMED:
        import_string(name)()
    for each in settings.CELERY_BEAT_SCHEDULE.values():
        app.tasks[each["task"]].apply()
    rounds.append({
        "alarms": status.status().alarms,
        "signed": Checkpoint.objects.count() - before,
        "open": sorted(SealingFinding.objects.filter(resolved_at=None).values_list("kind", flat=True)),
        "closed": closed() - closed_before,
        "streamed": redis.Redis.from_url(settings.REDIS_URL).xlen("ledger:events"),
    })
print(json.dumps(rounds))
"""


@dataclass
class Copy:
    """A server that was restored from a base backup, in a home of its own."""

    place: Place
    database: str

    def work(self, first: str = "", **environment: str) -> list[dict[str, Any]]:
        """Let a worker do everything that is scheduled, three times; what it saw after each. `first` runs before."""
        words = [sys.executable, "-c", WORKER, first]
        done = subprocess.run(
            words, cwd=PROJECT, env=self._environment() | environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr[-3000:]
        rounds: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
        return rounds

    def manage(self, *words: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        """Run one of manage.py's commands on the copy."""
        command = [sys.executable, str(PROJECT / "manage.py"), *words]
        return subprocess.run(
            command, env=self._environment() | environment, capture_output=True, text=True, check=False
        )

    def _environment(self) -> dict[str, str]:
        """That of a worker elsewhere, with the key of the original and nothing else of its files."""
        logins = {"DATABASE_URL": "ledger_web", "DATABASE_OWNER_URL": "ledger", "DATABASE_SEALER_URL": "ledger_worker"}
        home = self.place.home
        ours = {name: addresses.database_url(home, user=user, database=self.database) for name, user in logins.items()}
        more = {"LEDGER_HOME": str(home), "REDIS_URL": with_number(os.environ["REDIS_URL"], REDIS_NUMBER)}
        others = {name: value for name, value in os.environ.items() if not name.startswith("LEDGER_INSTANCE")}
        return others | ours | more


@contextmanager
def base_backup() -> Iterator[Copy]:
    """A base backup of the server as it is, of the database that is open here; `running` starts it."""
    outside = Path(tempfile.mkdtemp(dir=os.environ["LEDGER_HOME"]))
    outside.chmod(0o711)
    home = outside / "var"
    try:
        places.make_home(home)
        place = places.prepare(home)
        sockets = addresses.socket_directory(Path(os.environ["LEDGER_HOME"])).resolve()
        words = [f"--host={sockets}", f"--port={PORT}", "--username=ledger", "--checkpoint=fast", "--no-sync"]
        program = packages.postgres_programs(place) / "pg_basebackup"
        log = place.logs / "backup.log"
        backup = processes.spawn(
            [program, *words, "-D", postgres.data_directory(place)],
            role="task", installation=place.installation, log=log, env=processes.bare_environment(),
            account=place.account,
        )  # fmt: skip
        code, _ = processes.finish(backup)
        assert code == 0, processes.tail(log)
        yield Copy(place, str(connection.settings_dict["NAME"]))
    finally:
        remove_home(home)


@contextmanager
def running(copy: Copy) -> Iterator[Copy]:
    """The copy's server."""
    process = postgres.start(copy.place)
    try:
        postgres.wait(copy.place, process)
        yield copy
    finally:
        processes.stop(process, "postgres")
