"""The servers and databases of one test run.

The process that was started by hand (under xdist: the controller) runs PostgreSQL and Valkey and migrates a template
database once; every worker works in its own copy of it and in its own Redis database. A run that was killed leaves
nothing that the next one does not clear away.
"""

import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final, Self
from urllib.parse import urlsplit

import psutil
import psycopg
from psycopg import sql

from ledger_project.embedded import detached, postgres
from ledger_project.embedded import home as addresses
from ledger_project.embedded.locking import SupervisorLock
from ledger_project.embedded.processes import StartFailed
from ledger_project.embedded.servers import Servers
from ledger_project.log import rights

TEMPLATE: Final = "ledger_template"
PREFIX: Final = "ledger-tests-"
MEMORY: Final = Path("/dev/shm")
ROOM: Final = 4 * 1024**3  # bytes
PROJECT: Final = Path(__file__).resolve().parents[2]
# How the process that was started by hand tells its workers where the servers are.
OWNER_URL: Final = "LEDGER_TEST_RUN_OWNER_URL"
WEB_URL: Final = "LEDGER_TEST_RUN_WEB_URL"
SEALER_URL: Final = "LEDGER_TEST_RUN_SEALER_URL"
REDIS_URL: Final = "LEDGER_TEST_RUN_REDIS_URL"
# Signs the logs of test runs and nothing else: the key of RFC 8032, section 7.1, test 1.
SIGNING_KEY: Final = """-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g
-----END PRIVATE KEY-----
"""


class TestRun:
    """One process of a test run: its place among the workers, and its addresses."""

    __test__ = False  # not a test class, whatever its name begins with

    def __init__(self, *, home: Path | None, owner: str, web: str, sealer: str, redis: str, worker: str) -> None:
        self.home = home  # only with the process that starts the servers
        self.owner, self.web, self.sealer, self.redis = owner, web, sealer, redis
        self.worker = worker
        self._servers: Servers | None = None

    @classmethod
    def of_environment(cls, *, below: Path | None = None) -> Self:
        """The run that this process belongs to, its home `below` or among temporary files; nothing is started yet."""
        if worker := os.environ.get("PYTEST_XDIST_WORKER", ""):
            return cls(
                home=None,
                owner=os.environ[OWNER_URL],
                web=os.environ[WEB_URL],
                sealer=os.environ[SEALER_URL],
                redis=os.environ[REDIS_URL],
                worker=worker,
            )
        home = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=below))
        if os.geteuid() == 0:
            home.chmod(0o711)  # root's servers run as another user, who must pass through
        owner = os.environ.get("TEST_DATABASE_URL") or addresses.database_url(home, user="ledger", database="postgres")
        return cls(
            home=home,
            owner=owner,
            web=os.environ.get("TEST_DATABASE_URL") or addresses.database_url(home, user="ledger_web"),
            sealer=os.environ.get("TEST_DATABASE_URL") or addresses.database_url(home, user="ledger_worker"),
            redis=os.environ.get("TEST_REDIS_URL") or addresses.redis_url(home),
            worker="main",
        )

    def configure(self) -> None:
        """Point the settings at this run; whatever the shell says, a test never sees another database."""
        number = int("".join(filter(str.isdigit, self.worker)) or "0") + 1
        os.environ.update(
            {
                "DATABASE_URL": with_database(self.web, f"ledger_test_{self.worker}"),
                "DATABASE_OWNER_URL": with_database(self.owner, f"ledger_test_{self.worker}"),
                "DATABASE_SEALER_URL": with_database(self.sealer, f"ledger_test_{self.worker}"),
                "REDIS_URL": with_number(self.redis, number),
                "LEDGER_SIGNING_KEY": SIGNING_KEY,
                "DJANGO_SECRET_KEY": secrets.token_urlsafe(48),
            }
        )
        os.environ.pop("LEDGER_SIGNING_KEY_FILE", None)  # it would go before
        if self.home:
            os.environ.update({OWNER_URL: self.owner, WEB_URL: self.web, SEALER_URL: self.sealer})
            os.environ.update({REDIS_URL: self.redis, "LEDGER_HOME": str(self.home)})
        os.environ["LEDGER_INSTANCE_FILE"] = str(Path(os.environ["LEDGER_HOME"]) / f"instance-{self.worker}")

    def start(self) -> None:
        """Start the servers and migrate the template, where this process is responsible for them."""
        if self.home:
            self._clear_killed_runs(self.home.parent)
            (self.home / "static").mkdir()  # WhiteNoise warns where there is none
            self._start_servers()
            self._migrate_template()

    def stop(self) -> None:
        if self._servers:
            self._servers.stop()
        if self.home:
            remove_home(self.home)

    def _start_servers(self) -> None:
        wanted = not (os.environ.get("TEST_DATABASE_URL") and os.environ.get("TEST_REDIS_URL"))
        if self.home and wanted:
            self._servers = Servers(self.home)
            self._servers.start()
        with psycopg.connect(self.owner, autocommit=True) as connection:
            connection.execute(postgres.ROLES)
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(TEMPLATE)))
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(TEMPLATE)))

    def _migrate_template(self) -> None:
        """Migrate as the product does, in a process of its own: nobody may be connected to a template."""
        environment = os.environ | {
            "DATABASE_URL": with_database(self.web, TEMPLATE),
            "DATABASE_OWNER_URL": with_database(self.owner, TEMPLATE),
            "DATABASE_SEALER_URL": with_database(self.sealer, TEMPLATE),
        }
        command = [sys.executable, str(PROJECT / "manage.py"), "migrate", "--database=owner", "--no-input"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise StartFailed(f"migrate failed:\n{done.stdout}\n{done.stderr}")

    def open(self) -> None:
        """Make the database of this process, a copy of the template."""
        name = sql.Identifier(f"ledger_test_{self.worker}")
        with psycopg.connect(self.owner, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))
            connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(name, sql.Identifier(TEMPLATE)))
        with psycopg.connect(with_database(self.owner, f"ledger_test_{self.worker}")) as connection:
            connection.execute(rights.CLOSED)

    @staticmethod
    def _clear_killed_runs(parent: Path) -> None:
        for home in parent.glob(f"{PREFIX}[0-9]*"):
            if _is_left_behind(home):
                # With the homes in it that its tests had made, in which a supervisor may still be alive.
                for made in [*home.rglob("installation")]:
                    remove_home(made.parent)
                shutil.rmtree(home, ignore_errors=True)


def _is_left_behind(home: Path) -> bool:
    """Whether this is the home of a run of ours that is over; a run in progress holds its lock."""
    pid = home.name.removeprefix(PREFIX).partition("-")[0]
    try:
        ours = home.lstat().st_uid == os.geteuid()
    except FileNotFoundError:  # another run has cleared it just now
        return False
    return ours and pid.isdigit() and not psutil.pid_exists(int(pid)) and not SupervisorLock(home).held()


def memory() -> Path | None:
    """A file system in memory with room for a run; None where there is none, or TMPDIR says where to go instead.

    The servers run as on a disk, by the same settings: they flush each commit, and nobody waits for it.
    """
    if os.environ.get("TMPDIR") or not os.access(MEMORY, os.W_OK):
        return None
    found = os.statvfs(MEMORY)
    fits = found.f_bavail * found.f_frsize >= ROOM and psutil.virtual_memory().available >= 2 * ROOM
    return MEMORY if fits and not found.f_flag & os.ST_NOEXEC else None


def with_database(url: str, name: str) -> str:
    """The same libpq URL with another database."""
    parts = urlsplit(url)
    # urlunsplit drops the slashes of an empty authority
    return f"{parts.scheme}://{parts.netloc}/{name}" + (f"?{parts.query}" if parts.query else "")


def with_number(url: str, number: int) -> str:
    """The same Redis URL with another database number, in the form of its scheme."""
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return f"unix://{parts.path}?db={number}"
    return f"{parts.scheme}://{parts.netloc}/{number}"


def remove_home(home: Path) -> None:
    """Stop what still runs in a home of the tests and remove it, with what of it stands elsewhere."""
    if home.is_dir():
        detached.stop(home, say=lambda line: None)
    elsewhere = home / "elsewhere"
    if elsewhere.is_symlink():
        shutil.rmtree(elsewhere.resolve(), ignore_errors=True)
    shutil.rmtree(home, ignore_errors=True)
