"""`manage.py up`: servers, migrations, the demo, and the processes that serve, kept alive until told to stop.

What fails at the first start ends it. From then on nothing does but a signal: whatever dies is started again.
"""

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, NoReturn

import psutil
import redis

from ledger_project.embedded import home as addresses
from ledger_project.embedded import keys, places, postgres, processes, valkey
from ledger_project.embedded.children import Board, Child, Process
from ledger_project.embedded.locking import SupervisorLock
from ledger_project.embedded.places import Place
from ledger_project.embedded.processes import StartFailed

PROJECT: Final = Path(__file__).resolve().parents[2]
UP_FILE: Final = "up.json"
WEB_READY_WITHIN: Final = 90.0
MEGABYTE: Final = 1024 * 1024
LOW_DISK: Final = 64 * MEGABYTE  # four segments of PostgreSQL's log; it does not survive to find no room for one
# What starting a process can fail with: no process, descriptor or memory left, a log that cannot be opened.
START_FAILURES: Final = (OSError, MemoryError, subprocess.SubprocessError, psutil.Error)
# Whoever owns the tables, or seals, is not who answers requests: a process is given the addresses that it needs.
ADDRESSES: Final = frozenset(
    f"DATABASE_{whose}URL{form}" for whose in ("", "OWNER_", "SEALER_") for form in ("", "_FILE")
)


class StopRequested(BaseException):
    """A signal asked the supervisor to stop; no error that anybody may handle on the way."""


@dataclass(frozen=True)
class Options:
    """What is run and where. The URLs are those of servers that replace ours; None: start our own."""

    home: Path
    port: int
    health_host: str  # a host name that the web process answers to
    web_workers: int
    web_threads: int
    worker_concurrency: int
    database_url: str | None
    database_owner_url: str | None
    database_sealer_url: str | None
    redis_url: str | None
    show_secrets: bool  # off where the output is a log

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


class Supervisor:
    """One installation, run in the foreground until a signal, or until something fails at the first start."""

    def __init__(self, options: Options, say: Callable[[str], None]) -> None:
        self.options = options
        self._say = say
        self.children: list[Child] = []
        self.board = Board(addresses.restless(options.home))
        self.place: Place | None = None
        self.stop_requested = False

    def run(self) -> int:
        """Start, watch and stop; returns the exit code. Raises AlreadyRunning and changes nothing then."""
        home = self.options.home
        places.make_home(home)
        with SupervisorLock(home) as lock:
            _on_stop_signals(self._raise_stop)
            lock.acquire(url=self.options.url)
            (home / UP_FILE).unlink(missing_ok=True)
            self.board.clear()
            try:
                self._start()
                self._watch()
            except StopRequested:
                return 0
            except StartFailed as failure:
                self.say(str(failure))
                return 1
            finally:
                self._stop()

    def say(self, line: str) -> None:
        """Best effort: what is said goes to a terminal that may be closed, or to a file on a disk that may be full."""
        with suppress(OSError):
            self._say(line)

    def _start(self) -> None:
        place = self.place = places.prepare(self.options.home)
        if found := processes.stop_strays(place.installation):
            self.say(f"Stopped {found} processes that a killed supervisor had left.")
        if not place.postgres.is_relative_to(place.home):
            self.say(f"{place.home} is closed to the servers' user; their data stands in {place.postgres.parent}.")
        require_free_port(self.options.port)
        keys.make_missing(place.home)

        self._start_servers(place)
        static = self._manage("collectstatic", "--no-input", "--verbosity=0")
        self._finish("migrate", self._manage("migrate", "--database=owner", "--no-input"))
        demo = self._finish("seed_demo", self._manage("seed_demo", "--json", capture=True))
        self._finish("collectstatic", static)
        for child in self._serving(place):
            self._begin(child)
        self._announce(json.loads(demo.splitlines()[-1]))

    def _start_servers(self, place: Place) -> None:
        options = self.options
        if options.database_url:
            owner_url = options.database_owner_url or options.database_url
            sealer_url = options.database_sealer_url or ""
            postgres.prepare_external(url=options.database_url, owner_url=owner_url, sealer_url=sealer_url)
        else:
            wait = partial(postgres.wait, place, say=self.say)
            self._begin(Child("postgres", start=partial(postgres.start, place), wait=wait))
            postgres.prepare(place)
        if options.redis_url:
            require_redis(options.redis_url)
        else:
            self._begin(Child("valkey", start=partial(valkey.start, place), wait=partial(valkey.wait, place)))

    def _serving(self, place: Place) -> list[Child]:
        options = self.options
        celery = ["-m", "celery", "--app=ledger_project.celery:app"]
        gunicorn = [
            "-m",
            "gunicorn",
            "ledger_project.wsgi:application",
            f"--bind=127.0.0.1:{options.port}",
            f"--workers={options.web_workers}",
            f"--threads={options.web_threads}",
            "--graceful-timeout=15",
            "--no-control-socket",
        ]
        # At INFO they write every task, several a second, into a log that is only set aside at the next start.
        # One worker has nobody to gossip with, and looking for others costs a second of every start.
        alone = ["--without-mingle", "--without-gossip"]
        worker = [*celery, "worker", f"--concurrency={options.worker_concurrency}", *alone, "--loglevel=WARNING"]
        beat = [*celery, "beat", f"--schedule={place.home / 'beat-schedule'}", "--pidfile=", "--loglevel=WARNING"]
        timer = [str(PROJECT / "manage.py"), "run_timer"]
        app = {"DATABASE_URL": self._database_url}
        sealing = {**app, "DATABASE_SEALER_URL": self._sealer_url}
        return [
            Child("web", start=partial(self._python, "web", gunicorn, given=app), wait=self._wait_for_web),
            Child("timer", start=partial(self._python, "timer", timer, given=sealing)),
            Child("worker", start=partial(self._python, "worker", worker, given=sealing)),
            Child("beat", start=partial(self._python, "beat", beat, given=app)),
        ]

    @property
    def _database_url(self) -> str:
        return self.options.database_url or addresses.database_url(self.options.home, user="ledger_web")

    @property
    def _sealer_url(self) -> str:
        return self.options.database_sealer_url or addresses.database_url(self.options.home, user="ledger_worker")

    def _begin(self, child: Child) -> None:
        self.say(f"Starting {child.role} ...")
        self.children.append(child)
        try:
            child.wait(child.begin())
        except START_FAILURES as failure:
            raise StartFailed(f"{child.role} cannot be started: {failure}") from failure

    def _python(
        self,
        role: str,
        words: Sequence[str],
        *,
        log: str = "",
        capture: bool = False,
        given: Mapping[str, str] | None = None,
    ) -> Process:
        """`given`: the addresses of the database that the process knows, and no others; None: all of them."""
        place = self._prepared()
        known = {name: value for name, value in os.environ.items() if given is None or name not in ADDRESSES}
        return processes.spawn(
            [sys.executable, *words],
            role=role,
            installation=place.installation,
            log=place.logs / f"{log or role}.log",
            env={**known, **(given or {}), "LEDGER_HOME": str(place.home), "PYTHONUNBUFFERED": "1"},
            cwd=PROJECT,
            capture=capture,
        )

    def _manage(self, command: str, *words: str, capture: bool = False) -> Process:
        self.say(f"Running {command} ...")
        return self._python("task", [str(PROJECT / "manage.py"), command, *words], log=command, capture=capture)

    def _finish(self, name: str, step: Process) -> str:
        code, out = processes.finish(step)
        if code:
            log = self._prepared().logs / f"{name}.log"
            raise StartFailed(f"{name} failed with code {code}; see {log}\n{processes.tail(log)}")
        return out

    def _wait_for_web(self, process: Process) -> None:
        deadline = time.monotonic() + WEB_READY_WITHIN
        log = self._prepared().logs / "web.log"
        while not answers(self.options.port, host=self.options.health_host, path="/healthz"):
            if process.poll() is not None:
                raise StartFailed(f"The web process did not start; see {log}\n{processes.tail(log)}")
            if time.monotonic() > deadline:
                raise StartFailed(f"/healthz did not answer within {WEB_READY_WITHIN:.0f} s; see {log}")
            time.sleep(0.1)

    def _announce(self, demo: dict[str, str]) -> None:
        options = self.options
        facts = {
            "url": options.url,
            "api_key": demo["api_key"],
            "admin_url": f"{options.url}/admin/",
            "admin_user": demo["admin_user"],
            "admin_password": demo["admin_password"],
            "database_url": self._database_url,
            "redis_url": options.redis_url or addresses.redis_url(options.home),
            "pid": os.getpid(),
        }
        keys.write_private(options.home / UP_FILE, json.dumps(facts, indent=2) + "\n")
        if options.show_secrets:
            self.say(summary(options.home))
            self.say("Ctrl-C stops it.")
        else:
            self.say(f"Ready at {options.url}.")

    def _raise_stop(self, number: int, frame: object) -> None:
        """Let Ctrl-C, TERM and a closed terminal end whatever is going on, starting included.

        Once is enough: a second one must not interrupt the stopping.
        """
        if not self.stop_requested:
            self.stop_requested = True
            raise StopRequested

    def _watch(self) -> NoReturn:
        while True:
            if self.stop_requested:  # and what was interrupted, a destructor say, let nobody know
                raise StopRequested
            for child in self.children:
                if child.process is None:
                    self._restart_when_due(child)
                elif child.process.poll() is not None:
                    ended = f"(pid {child.process.pid}) ended with code {child.process.returncode}"
                    self._note_death(child, ended)
            self.board.show(self._troubles())
            time.sleep(0.1)

    def _troubles(self) -> dict[str, str]:
        """What is to be told of children that do not come to rest, and of a disk that keeps PostgreSQL from it."""
        told = {child.role: trouble for child in self.children if (trouble := child.trouble())}
        if self.options.database_url is None:
            with suppress(OSError):
                free = shutil.disk_usage(self._prepared().postgres).free
                if free < LOW_DISK:
                    told["disk"] = f"has {free // MEGABYTE} MB left"
        return told

    def _note_death(self, child: Child, what: str) -> None:
        pause = child.die()
        self.say(f"{child.role} {what}; again in {pause:g} s, see {self._prepared().logs / f'{child.role}.log'}")

    def _restart_when_due(self, child: Child) -> None:
        """Start it, without waiting until it answers: the others are watched meanwhile."""
        if time.monotonic() < child.restart_at:
            return
        try:
            # Its own children may live on, and hold its port.
            processes.stop_strays(self._prepared().installation, child.role)
            child.begin()
        except (StartFailed, *START_FAILURES) as failure:
            self._note_death(child, f"cannot be started: {failure}")
        else:
            self.say(f"{child.role} was started again.")

    def _stop(self) -> None:
        _on_stop_signals(signal.SIG_IGN)
        if self.children:
            self.say("Stopping ...")
        (self.options.home / UP_FILE).unlink(missing_ok=True)
        self.board.clear()
        for child in reversed(self.children):
            if child.process is not None:
                processes.stop(child.process, child.role)
        if self.place:
            processes.stop_strays(self.place.installation)  # one that was being started when the signal came
        if self.children:
            self.say("Stopped.")

    def _prepared(self) -> Place:
        if self.place is None:
            raise RuntimeError("the installation is not prepared")
        return self.place


def summary(home: Path) -> str:
    """What a person needs to begin, from the file that programs read."""
    facts = json.loads((home / UP_FILE).read_text(encoding="utf-8"))
    return (
        f"\nThe ledger is up.\n\n"
        f"  API    {facts['url']}/v1/   docs {facts['url']}/docs\n"
        f"  key    {facts['api_key']}\n"
        f"  admin  {facts['admin_url']}   {facts['admin_user']} / {facts['admin_password']}\n"
        f"  all of this for programs: {home / UP_FILE}; logs: {home / 'log'}\n"
    )


def require_free_port(port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError) as error:
            raise StartFailed(f"Port {port} cannot be used: {error}. Choose another: make up PORT=8001") from error


def require_redis(url: str) -> None:
    try:
        with redis.Redis.from_url(url, socket_connect_timeout=5, socket_timeout=5) as client:
            client.ping()
    except (redis.RedisError, ValueError) as error:
        raise StartFailed(f"REDIS_URL is set, and its server does not answer: {error}") from error


def answers(port: int, *, host: str, path: str) -> bool:
    """Whether GET `path` gives 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path, headers={"Host": host})
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _on_stop_signals(handler: "Callable[[int, object], None] | signal.Handlers") -> None:
    for sig in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(sig, handler)
