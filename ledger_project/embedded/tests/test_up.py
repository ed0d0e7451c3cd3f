"""`manage.py up` and `down` as a person meets them, `kill -9` included."""

import ctypes
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
import redis
from psycopg import sql

from ledger_project.embedded import home as addresses
from ledger_project.embedded import places, processes
from ledger_project.embedded.supervisor import PROJECT, Options, Supervisor, answers
from ledger_project.testing import skill
from ledger_project.testing.run import TEMPLATE, with_database

pytestmark = pytest.mark.slow

PR_SET_CHILD_SUBREAPER = 36
MANAGE = [sys.executable, str(PROJECT / "manage.py")]


@pytest.fixture
def database() -> Iterator[str]:
    """A database of the test run's server, as somebody else's server that DATABASE_URL names."""
    owner = os.environ["DATABASE_OWNER_URL"]
    name = f"ledger_up_{os.getpid()}"
    with psycopg.connect(owner, autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(TEMPLATE))
        )
        yield with_database(owner, name)
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def manage(shell: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    with subprocess.Popen(
        [*MANAGE, *words], env=shell, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        out, _ = process.communicate(timeout=100)
    return subprocess.CompletedProcess(words, process.returncode, out)


def up_file(home: Path) -> dict[str, str]:
    found: dict[str, str] = json.loads((home / "up.json").read_text())
    return found


def alive(home: Path) -> dict[str, list[psutil.Process]]:
    """The installation's processes by role."""
    found: dict[str, list[psutil.Process]] = {}
    for process, role in processes.strays(places.installation_of(home)):
        found.setdefault(role, []).append(process)
    return found


def eventually(what: str, true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


def kill(*victims: psutil.Process) -> None:
    for victim in victims:
        try:
            victim.send_signal(signal.SIGKILL)
        except psutil.NoSuchProcess:
            continue


@pytest.fixture
def nobody_reaps() -> Iterator[None]:
    """As in a container whose first process is no init: who is killed together with its parent stays as a zombie."""
    if sys.platform != "linux":
        yield
        return
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    yield
    libc.prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            continue


def follow_skill(facts: dict[str, str]) -> None:
    """Do what /skill.md says, as it is written; then again, for the same answers and no more money."""
    page = fetch(f"{facts['url']}/skill.md")

    first, again = (skill.tell(page, facts["api_key"]) for _ in range(2))

    paid, refused, rehearsed = [answer for call, answer in first if call.startswith("POST /v1/transfers")][:3]
    assert available(paid) == {"agent:ada": "970", "agent:bob": "30"}
    assert (refused["code"], refused["shortfall"]) == ("insufficient_funds", "999999969")
    assert available(rehearsed) == {"agent:ada": "965", "agent:bob": "35"}
    answers = dict(first)
    assert answers["POST /v1/mints"]["event"]["type"] == "credits.minted"
    captured = answers["POST /v1/holds/$HOLD/capture"]["hold"]
    assert (captured["captured"], captured["released"]) == ("120", "80")
    assert answers["POST /v1/escrows/$ESCROW/release"]["escrow"]["status"] == "released"
    assert [each["status"] for each in answers["POST /v1/bulk"]["results"]] == [201, 201]
    assert {kind["scheme"] for kind in answers["GET /x402/supported"]["kinds"]} == {"upto", "exact"}
    found = answers["GET /v1/transfers?account=agent:ada&job_id=job_123"]["results"]
    assert [entry["id"] for entry in found] == [paid["entry"]["id"]]
    proven = answers["GET /v1/events/$EVENT/receipt"]["event"]
    assert (proven["type"], proven["payload"]["amount"]) == ("transfer.posted", "2")
    assert answers["GET /log/checkpoint"].startswith("ledger.local/log\n")
    assert len(answers["GET /.well-known/jwks.json"]["keys"]) == 1
    assert answers["GET /attestation/reserve"]["eligible_reserves_total"] == "28000000"
    used = answers["POST /v1/usage"]["usage"]
    assert (used["charged"], used["remainder"], used["uncovered"]) == ("20", "820000000000", "0")
    assert answers["GET /v1/accounts/agent:ada/bill"]["charged"] == "20"
    # 1,000 less 30 for the job, 120 of the hold, 20 for usage and 50 from escrow; 1 went and came back. The 2 that are
    # proven are paid after the balance is read, so the second reading alone knows of them, and of nothing else.
    balances = [dict(told)["GET /v1/accounts/agent:ada/balance"]["available"] for told in (first, again)]
    assert balances == ["780", "778"]
    same = [call for (call, one), (_, two) in zip(first, again, strict=True) if one == two]
    assert {"POST /v1/mints", "POST /v1/transfers", "POST /v1/holds/$HOLD/capture"} <= set(same)
    assert len(first) == 25


def available(answer: dict[str, Any]) -> dict[str, str]:
    return {balance["name"]: balance["available"] for balance in answer["balances"]}


def fetch(url: str) -> str:
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=20) as answer:
        return str(answer.read().decode())


@pytest.mark.timeout(600)
def test_a_committed_row_outlives_every_kill_9(home, shell, port, nobody_reaps):
    """Up, used, killed in three ways, up again each time, and down: the life of an installation."""
    shell["PORT"] = str(port)

    first = manage(shell, "up", "--detach")

    assert first.returncode == 0, first.stdout
    facts = up_file(home)
    assert facts["url"] == f"http://127.0.0.1:{port}"
    assert stat.S_IMODE((home / "up.json").stat().st_mode) == 0o600
    for told in (facts["url"], facts["admin_url"], facts["admin_user"], facts["admin_password"], facts["api_key"]):
        assert told in first.stdout
    assert answers(port, host="localhost", path="/healthz")
    eventually("ready", lambda: answers(port, host="localhost", path="/readyz"))
    roles = {"timer", "worker", "beat", "web", "postgres", "valkey"}
    eventually("all of them run", lambda: roles <= alive(home).keys())
    assert redis.from_url(facts["redis_url"]).ping()
    with psycopg.connect(facts["database_url"]) as web:
        assert web.execute("SELECT current_user").fetchone() == ("ledger_web",)

    follow_skill(facts)

    second = manage(shell, "up")

    assert second.returncode == 1
    assert f"already running at http://127.0.0.1:{port}" in second.stdout

    owner = addresses.database_url(home, user="ledger")
    with psycopg.connect(owner) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 'committed' AS word")

    # One child: the supervisor starts it again.
    parent = psutil.Process(int(facts["pid"]))
    masters = {process.pid for process in parent.children()}
    web_master = next(process for process in alive(home)["web"] if process.pid in masters)
    kill(web_master)
    eventually("it is dead", lambda: processes.gone(web_master))
    eventually("web is back", lambda: answers(port, host="localhost", path="/healthz"))
    assert (home / "up.json").exists()

    # The supervisor alone: the next start finds its children stopping or stops them.
    kill(parent)
    again = manage(shell, "up", "--detach")
    assert again.returncode == 0, again.stdout
    with psycopg.connect(owner) as connection:
        assert connection.execute("SELECT word FROM kept").fetchall() == [("committed",)]
        connection.execute("INSERT INTO kept VALUES ('again')")

    # Everything at once: stale pid files, stale sockets, no clean shutdown.
    parent = psutil.Process(int(up_file(home)["pid"]))
    kill(parent, *parent.children(recursive=True))
    third = manage(shell, "up", "--detach")
    assert third.returncode == 0, third.stdout
    with psycopg.connect(owner) as connection:
        assert connection.execute("SELECT word FROM kept").fetchall() == [("committed",), ("again",)]

    down = manage(shell, "down")

    assert down.returncode == 0, down.stdout
    assert alive(home) == {}
    assert not (home / "up.json").exists()
    assert not answers(port, host="localhost", path="/healthz")
    assert "not running" in manage(shell, "down").stdout


def test_ctrl_c_while_it_starts_ends_it_cleanly(home, shell, port):
    shell["PORT"] = str(port)
    with subprocess.Popen([*MANAGE, "up"], env=shell, stdout=subprocess.PIPE, text=True) as up:
        assert up.stdout
        for line in up.stdout:
            if "migrate" in line:
                break
        up.send_signal(signal.SIGINT)
        rest = up.stdout.read()

    assert up.returncode == 0, rest
    assert "Stopped." in rest
    assert alive(home) == {}


@pytest.mark.timeout(300)
def test_servers_of_the_environment_replace_the_embedded_ones(home, shell, port, database):
    shell |= {"PORT": str(port), "DATABASE_URL": database, "REDIS_URL": os.environ["REDIS_URL"]}
    shell |= {"DATABASE_SEALER_URL": database}

    up = manage(shell, "up", "--detach")

    assert up.returncode == 0, up.stdout
    assert up_file(home)["database_url"] == database
    assert alive(home).keys().isdisjoint({"postgres", "valkey"})
    eventually("ready", lambda: answers(port, host="localhost", path="/readyz"))
    assert manage(shell, "down").returncode == 0


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("DATABASE_OWNER_URL", "postgresql://nobody@127.0.0.1:1/ledger"),
        ("DATABASE_SEALER_URL", "postgresql://nobody@127.0.0.1:1/ledger"),
        ("REDIS_URL", "redis://127.0.0.1:1/0"),
    ],
)
def test_a_server_that_does_not_answer_is_named(home, shell, port, database, setting, value):
    shell |= {"PORT": str(port), "DATABASE_URL": database, "REDIS_URL": os.environ["REDIS_URL"]}
    shell |= {"DATABASE_SEALER_URL": database, setting: value}

    up = manage(shell, "up")

    assert up.returncode == 1
    assert f"{setting} is set, and its server does not answer" in up.stdout


def test_a_database_without_the_sealers_address_is_said_before_anything_starts(home, shell, port, database):
    """As of whoever upgrades with the settings of before."""
    shell |= {"PORT": str(port), "DATABASE_URL": database, "REDIS_URL": os.environ["REDIS_URL"]}

    up = manage(shell, "up")

    assert up.returncode == 1
    assert "DATABASE_URL is set, and DATABASE_SEALER_URL is not set, and without it nothing is sealed." in up.stdout
    assert "CREATE ROLE ledger_worker LOGIN NOINHERIT PASSWORD '...' IN ROLE ledger_sealer" in up.stdout


def test_a_worker_does_not_start_without_the_sealers_address(shell, database):
    shell |= {name: os.environ[name] for name in ("REDIS_URL", "DJANGO_SECRET_KEY")} | {"DATABASE_URL": database}
    command = [sys.executable, "-m", "celery", "--app=ledger_project.celery:app", "worker", "--concurrency=1"]

    worker = subprocess.run(command, env=shell, cwd=PROJECT, capture_output=True, text=True, timeout=60, check=False)

    assert worker.returncode == 1
    assert "DATABASE_SEALER_URL is not set, and without it nothing is sealed." in worker.stderr


def test_only_the_worker_is_given_the_sealers_address_and_nobody_the_owners(home, monkeypatch):
    given = {}
    monkeypatch.setenv("DATABASE_OWNER_URL", "postgresql://owner@h/ledger")
    monkeypatch.setenv("DATABASE_SEALER_URL_FILE", "/secret")
    monkeypatch.setattr(processes, "spawn", lambda words, *, role, env, **_: given.__setitem__(role, env))
    up = Supervisor(options_of(home), lambda line: None)
    places.make_home(home)
    up.place = places.prepare(home)

    for child in up._serving(up.place):
        child.start()

    known = {role: {name for name in env if name.startswith("DATABASE_")} for role, env in given.items()}
    assert known == {
        "web": {"DATABASE_URL"},
        "timer": {"DATABASE_URL", "DATABASE_SEALER_URL"},
        "worker": {"DATABASE_URL", "DATABASE_SEALER_URL"},
        "beat": {"DATABASE_URL"},
    }
    assert given["worker"]["DATABASE_SEALER_URL"] == addresses.database_url(home, user="ledger_worker")


def test_a_port_in_use_is_said_before_anything_starts(home, shell):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]

        up = manage(shell | {"PORT": str(taken)}, "up", "--detach")

    assert up.returncode == 1
    assert f"Port {taken} cannot be used" in up.stdout
    assert "PORT=" in up.stdout
    assert list((home / "pg").iterdir()) == []


def options_of(home: Path) -> Options:
    return Options(
        home=home,
        port=0,
        health_host="localhost",
        web_workers=1,
        web_threads=1,
        worker_concurrency=1,
        database_url=None,
        database_owner_url=None,
        database_sealer_url=None,
        redis_url=None,
        show_secrets=False,
    )
