"""An installation under faults, on a disk of its own that can be full: posting, health and recovery, by the clock."""

import http.client
import json
import statistics
import subprocess
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from ledger_project.embedded.supervisor import MEGABYTE
from ledger_project.embedded.tests.test_up import alive, kill, manage, up_file
from ledger_project.testing.run import remove_home

pytestmark = pytest.mark.slow

RECOVERS_WITHIN = 30.0
CALLERS = 4
PAUSE = 0.02  # s that a caller rests after each transfer: how it fares is seen without taking every processor for it
LOOK = 3.0  # s for which a rate is measured


@pytest.fixture
def disk(home: Path) -> Iterator[Path]:
    """A disk of 500 MB below the home's directory, which only root can make, and not in every container."""
    at = home.parent / "disk"
    at.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=500m,mode=0711", "ledger-test", at], check=False)
    if made.returncode:
        pytest.skip("no disk can be mounted here")
    yield at
    remove_home(at / "var")
    subprocess.run(["umount", "--lazy", at], check=True)


class Running:
    """An installation and what callers and balancers see of it, second by second."""

    def __init__(self, home: Path, port: int) -> None:
        self.home, self.port = home, port
        self.key = up_file(home)["api_key"]
        self.accepted = 0
        self.refused: Counter[str] = Counter()
        self.slowest = 0.0
        self._ends = threading.Event()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        for name in ("ann", "ben"):
            self.call("POST", f"/v1/accounts/{name}/ensure", {"currency": "CRD"}, key=name)
        assert self.call("POST", "/v1/mints", {"account": "ann", "amount": 10**9}, key="mint")[0] == 201

    def call(self, method: str, path: str, body: Any = None, *, key: str = "") -> tuple[int, dict[str, Any]]:
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json", "Host": "localhost"}
        if key:
            headers["Idempotency-Key"] = key
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, json.dumps(body) if body else None, headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def post_on(self) -> None:
        """Callers that transfer 1 each time, and send the same key again until it is accepted."""
        for _ in range(CALLERS):
            thread = threading.Thread(target=self._post)
            self._threads.append(thread)
            thread.start()

    def _post(self) -> None:
        key = uuid.uuid4().hex
        while not self._ends.is_set():
            began = time.monotonic()
            status, answer = self.call(
                "POST", "/v1/transfers", {"from_account": "ann", "to_account": "ben", "amount": 1}, key=key
            )
            with self._lock:
                self.slowest = max(self.slowest, time.monotonic() - began)
                self.accepted += status == 201
                if status != 201:
                    self.refused[answer["code"]] += 1
            if status == 201:
                key = uuid.uuid4().hex
            self._ends.wait(PAUSE if status == 201 else 0.2)

    def stop(self) -> None:
        self._ends.set()
        for thread in self._threads:
            thread.join()
        self._threads.clear()

    def rate(self, seconds: float) -> float:
        """Transfers a second, over a while in which `/healthz` is asked too: it answers within 100 ms."""
        before, began = self.accepted, time.monotonic()
        waits = []
        while time.monotonic() < began + seconds:
            asked = time.monotonic()
            assert self.call("GET", "/healthz") == (200, {"status": "ok"})
            waits.append(time.monotonic() - asked)
            time.sleep(0.05)
        assert statistics.median(waits) < 0.1, waits
        return (self.accepted - before) / (time.monotonic() - began)

    def readyz(self) -> tuple[int, dict[str, Any]]:
        began = time.monotonic()
        answer = self.call("GET", "/readyz")
        assert time.monotonic() - began < 5
        return answer

    def await_ready(self, what: Callable[[int, dict[str, Any]], bool], within: float = RECOVERS_WITHIN) -> float:
        """The seconds until `/readyz` says so."""
        began = time.monotonic()
        while not what(*(found := self.readyz())):
            assert time.monotonic() < began + within, found
            time.sleep(0.1)
        return time.monotonic() - began

    def await_all_well(self) -> float:
        return self.await_ready(lambda status, said: (status, said["status"]) == (200, "ok"))

    def nothing_was_lost(self) -> None:
        """Each transfer that was accepted is there, once."""
        self.stop()
        assert self.call("GET", "/v1/accounts/ben/balance")[1]["available"] == str(self.accepted)

    def one(self, role: str) -> psutil.Process:
        """The process of a role that the supervisor started."""
        masters = {child.pid for child in psutil.Process(int(up_file(self.home)["pid"])).children()}
        return next(process for process in alive(self.home).get(role, []) if process.pid in masters)


@pytest.fixture
def running(disk: Path, shell: dict[str, str], port: int) -> Iterator[Running]:
    shell |= {"PORT": str(port), "LEDGER_HOME": str(disk / "var"), "TMPDIR": str(disk)}
    up = manage(shell, "up", "--detach")
    assert up.returncode == 0, up.stdout
    made = Running(disk / "var", port)
    made.await_all_well()
    yield made
    made.stop()


def told(found: str, in_check: str) -> Callable[[int, dict[str, Any]], bool]:
    return lambda status, said: status == 200 and said["status"] == "degraded" and found in said["checks"][in_check]


def fill(disk: Path) -> Path:
    """The file that takes all the room there is."""
    full = disk / "full"
    with full.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"\0" * MEGABYTE)
    return full


@pytest.mark.timeout(600)
def test_redis_frozen_beat_killed_the_disk_full_and_postgresql_killed_on_it(running: Running, disk: Path) -> None:
    """One life, four faults, and after each of them everything is as it was."""
    seconds: dict[str, float] = {}
    running.post_on()
    usual = running.rate(LOOK)

    frozen = redis_stops_answering(running, seconds)
    restless = beat_is_killed_again_and_again(running, seconds)
    assert not running.refused
    there_is_no_room_left(running, disk, seconds, usual)
    again = running.rate(LOOK)
    postgresql_dies_of_a_full_disk(running, disk, seconds)

    running.nothing_was_lost()
    # All are as much as before, less the noise of a machine that does other things, too.
    print(f"usual {usual:.0f}, frozen {frozen:.0f}, restless {restless:.0f}, again {again:.0f}; well after {seconds}")
    assert min(frozen, restless, again) > usual / 2


def redis_stops_answering(running: Running, seconds: dict[str, float]) -> float:
    valkey = running.one("valkey")
    valkey.suspend()
    running.await_ready(told("unreachable", "redis"), within=10)
    rate = running.rate(LOOK)
    assert running.slowest < 5
    valkey.resume()
    seconds["redis"] = running.await_all_well()
    return rate


def beat_is_killed_again_and_again(running: Running, seconds: dict[str, float]) -> float:
    killing = threading.Event()

    def kill_on() -> None:
        while not killing.is_set():
            with suppress(StopIteration):
                kill(running.one("beat"))
            time.sleep(0.1)

    killer = threading.Thread(target=kill_on)
    killer.start()
    running.await_ready(told("beat has died 4 times in a minute", "processes"))
    rate = running.rate(LOOK)
    killing.set()
    killer.join()
    seconds["beat"] = running.await_all_well()
    return rate


def there_is_no_room_left(running: Running, disk: Path, seconds: dict[str, float], usual: float) -> None:
    full = fill(disk)
    assert running.await_ready(lambda status, said: status == 503, within=10) < 10
    assert running.readyz()[1]["checks"]["database"] == "database_full"
    assert running.rate(LOOK) < usual
    assert "left" in running.readyz()[1]["checks"]["processes"]
    full.unlink()
    running.await_ready(lambda status, said: status == 200)
    seconds["disk"] = running.await_all_well()
    assert running.refused.keys() <= {"database_full", "unavailable"}


def postgresql_dies_of_a_full_disk(running: Running, disk: Path, seconds: dict[str, float]) -> None:
    """Without room for its own log it ends itself, and may not start; it is tried again for as long as that takes."""
    postgres = running.one("postgres")
    full = fill(disk)
    kill(postgres)  # as it would itself at the end of the segment of its log, which may be minutes away
    running.await_ready(lambda status, said: (status, said["checks"]["database"]) == (503, "database_full"))
    running.rate(LOOK)
    full.unlink()

    running.await_ready(lambda status, said: status == 200)
    seconds["postgres"] = running.await_all_well()
