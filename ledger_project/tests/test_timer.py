"""The process that seals and ends holds: PostgreSQL alone keeps it from that, and only for as long as it is away."""

import ast
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from django.conf import settings as configured
from django.db import connections
from kombu.exceptions import OperationalError
from pytest_django import Settings

from holds.models import Hold
from ledger_project.celery import LOOK_EVERY, app
from ledger_project.log import sealing, timer, waking
from ledger_project.log.models import Leaf
from ledger_project.log.timer import Timer
from ledger_project.testing.frozen import a_frozen_redis
from ledger_project.testing.ledger import Ledger
from ledger_project.tests.test_architecture import module_of, sources

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 30  # s


@pytest.fixture
def books(ledger: Ledger) -> Ledger:
    ledger.open("alice", "shop", funded=100)
    return ledger


@contextmanager
def running(**environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """The process; it ends cleanly when it is told to."""
    command = [sys.executable, str(ROOT / "manage.py"), "run_timer"]
    with subprocess.Popen(command, env=os.environ | environment) as process:
        try:
            yield process
            process.send_signal(signal.SIGTERM)
            assert process.wait(PATIENCE) == 0
        finally:
            process.kill()


@contextmanager
def going() -> Iterator[None]:
    """A timer in this process."""
    made = Timer()
    thread = threading.Thread(target=made.run)
    thread.start()
    try:
        yield
    finally:
        made.stop()
        thread.join(PATIENCE)
    assert not thread.is_alive()


def eventually(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def catches_sigterm(pid: int) -> bool:
    caught = re.search(r"^SigCgt:\s*([0-9a-f]+)$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    return caught is not None and bool(int(caught[1], 16) >> (signal.SIGTERM - 1) & 1)


def sealed(books: Ledger) -> bool:
    """Whether a new event gets its place."""
    event = minted(books)
    eventually(lambda: Leaf.objects.filter(event=event).exists())
    return True


def minted(books: Ledger) -> str:
    """A new event."""
    return str(books.run("mint", account="shop", amount=1).document["id"])[4:]


def test_a_frozen_redis_stops_neither_sealing_nor_expiry(books: Ledger) -> None:
    with a_frozen_redis() as url, running(REDIS_URL=url) as process:
        for _ in range(3):  # after the first the readers of the log are called, which takes the broker
            assert sealed(books)
            books.run("place_hold", account="alice", amount=10, expires_in=1)
        eventually(
            lambda: set(Hold.objects.filter(tenant=books.tenant).values_list("status", flat=True)) == {"expired"}
        )
        assert books.balance("alice") == {"available": 100}
        assert process.poll() is None


def test_two_of_them_do_each_others_work(books: Ledger) -> None:
    with running(), running() as second:
        assert sealed(books)
        eventually(lambda: catches_sigterm(second.pid))  # it may still be starting
        second.send_signal(signal.SIGTERM)
        second.wait(PATIENCE)
        assert sealed(books)


def test_it_does_not_start_where_it_cannot_seal() -> None:
    command = [sys.executable, str(ROOT / "manage.py"), "run_timer"]
    ended = subprocess.run(
        command, env=os.environ | {"DATABASE_SEALER_URL": ""}, capture_output=True, text=True, check=False, timeout=60
    )
    assert ended.returncode == 1
    assert "DATABASE_SEALER_URL is not set" in ended.stderr


def test_it_seals_at_once_for_who_waits(books: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timer, "SEAL_EVERY", 6)
    with going():
        first = minted(books)
        eventually(lambda: wake() and Leaf.objects.filter(event=first).exists())  # as soon as it listens
        second = minted(books)
        began = time.monotonic()
        assert wake()
        eventually(lambda: Leaf.objects.filter(event=second).exists())
        assert time.monotonic() - began < 3


def wake() -> bool:
    """As soon as it may be."""
    time.sleep(waking.WAKE_EVERY)
    return waking.wake()


def test_a_lost_database_is_found_again(books: Ledger) -> None:
    with going():
        assert sealed(books)
        with psycopg.connect(os.environ["DATABASE_OWNER_URL"], autocommit=True) as owner:
            ended = owner.execute(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            ).fetchone()
        assert ended is not None
        assert ended[0] >= 2  # the sealer's, and the one that hears
        connections.close_all()  # ours are among them
        assert sealed(books)


def failing() -> None:
    failing_calls.append(time.monotonic())
    raise RuntimeError("as ever")


failing_calls: list[float] = []


def test_a_job_that_fails_is_done_again_and_holds_up_no_other(
    books: Ledger, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.TIMED = {f"{__name__}.failing": 1}
    with going():
        eventually(lambda: len(failing_calls) >= 2)
        assert sealed(books)
    assert "failing failed: as ever" in caplog.text


def test_what_stands_against_sealing_is_said(
    books: Ledger, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.SIGNING_KEY = Path("/nowhere")
    with going():
        eventually(lambda: "nothing is sealed: /nowhere does not exist" in caplog.text)


def test_a_wake_up_is_sent_once_in_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waking, "_woken_at", 0.0)
    with psycopg.connect(os.environ["DATABASE_OWNER_URL"], autocommit=True) as listener:
        listener.execute(f"LISTEN {waking.CHANNEL}")
        assert [waking.wake(), waking.wake()] == [True, False]
        assert len(list(listener.notifies(timeout=5, stop_after=1))) == 1


def test_beat_leaves_to_the_timer_what_is_the_timers() -> None:
    tasks = {entry["task"].rpartition(".")[2] for entry in configured.CELERY_BEAT_SCHEDULE.values()}
    assert not tasks & {"seal", "expire_due"}
    assert set(configured.TIMED) == {"holds.expiry.expire_due"}


def test_the_timer_alone_speaks_to_the_broker_of_its_own_accord() -> None:
    """A request that sent a task would wait for a broker that hangs."""
    senders = {
        module_of(path)
        for path in sources()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in {"delay", "apply_async", "send_task"}
    }
    assert senders == {"ledger_project.log.timer"}


def test_a_frozen_broker_is_asked_once_and_for_a_second() -> None:
    with a_frozen_redis() as url, app.connection(url, transport_options=app.conf.broker_transport_options) as broker:
        began = time.monotonic()
        with pytest.raises(OperationalError):
            app.send_task("nothing", connection=broker, retry=False)
        assert time.monotonic() - began < 4  # in which Celery would have asked four times


def test_a_lost_broker_is_looked_for_again_soon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the worker and beat do, who can do nothing without it."""
    pauses: list[float] = []
    monkeypatch.setattr("kombu.utils.functional.sleep", lambda seconds: None)
    with app.connection(f"redis+socket://{tmp_path}/nobody.sock") as broker, pytest.raises(OperationalError):
        broker.ensure_connection(lambda error, pause: pauses.append(pause), max_retries=20)
    assert len(pauses) == 20
    assert max(pauses) <= LOOK_EVERY + 2


def test_the_sealer_is_one_at_a_time(books: Ledger) -> None:
    with going(), going():
        assert sealed(books)
    assert not sealing.seal().busy
