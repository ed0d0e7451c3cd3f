"""Children that die: the others go on, and whatever keeps one from living, it is started again for ever."""

import json
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from ledger_project.embedded import children, places, processes
from ledger_project.embedded import home as addresses
from ledger_project.embedded.children import Board, Child
from ledger_project.embedded.places import Place
from ledger_project.embedded.processes import StartFailed
from ledger_project.embedded.supervisor import StopRequested, Supervisor
from ledger_project.embedded.tests.test_up import eventually, options_of

pytestmark = pytest.mark.slow


@pytest.fixture
def place(home: Path) -> Place:
    places.make_home(home)
    return places.prepare(home)


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "BACK_OFF", (0.0, 0.05))
    monkeypatch.setattr(children, "SETTLED", 1.0)


class Watched:
    """A supervisor that watches children of ours, until `until` says that it has seen enough."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.said: list[str] = []
        self.up = Supervisor(options_of(place.home), self.said.append)
        self.up.place = place

    def add(self, role: str, program: str) -> Child:
        log = self.place.logs / f"{role}.log"
        words = [sys.executable, "-c", program]
        start = lambda: processes.spawn(words, role=role, installation=self.place.installation, log=log, env={})  # noqa: E731
        child = Child(role, start=start)
        self.up._begin(child)
        return child

    def watch(self, until: Callable[[], bool]) -> None:
        def stop() -> None:
            eventually("seen", until)
            self.up.stop_requested = True

        stopper = threading.Thread(target=stop)
        stopper.start()
        try:
            with pytest.raises(StopRequested):
                self.up._watch()
        finally:
            stopper.join()

    def told(self) -> dict[str, str]:
        found: dict[str, str] = json.loads(addresses.restless(self.place.home).read_text())
        return found

    def stop(self) -> None:
        for child in self.up.children:
            if child.process:
                processes.stop(child.process, child.role)


@pytest.fixture
def watched(place: Place):
    made = Watched(place)
    yield made
    made.stop()


def test_a_child_that_keeps_dying_stops_nobody_and_is_told_of(watched: Watched, soon: None) -> None:
    other = watched.add("web", "import time; time.sleep(600)")
    restless = watched.add("beat", "raise SystemExit(7)")

    watched.watch(until=lambda: len(restless.deaths) > 8)

    assert other.process is not None
    assert other.process.poll() is None
    assert other.deaths == []
    assert watched.told() == {"beat": f"has died {len(restless.deaths)} times in a minute"}
    assert "beat was started again." in watched.said
    assert any("ended with code 7; again in 0.05 s, see " in line for line in watched.said)


def test_a_child_that_lives_again_is_told_of_no_more(watched: Watched, soon: None, tmp_path: Path) -> None:
    mended = tmp_path / "mended"
    program = f"import os, time; os.path.exists({str(mended)!r}) and time.sleep(600)"
    child = watched.add("beat", program)
    watched.watch(until=lambda: bool(child.trouble()))
    mended.touch()
    watched.up.stop_requested = False

    watched.watch(until=lambda: watched.told() == {})

    assert child.process is not None
    assert child.process.poll() is None


@pytest.mark.parametrize(
    "failure",
    [
        StartFailed("a PostgreSQL that is not ours"),
        BlockingIOError("no process left"),
        OSError(28, "No space left on device"),
        MemoryError(),
        psutil.AccessDenied(1),
    ],
    ids=lambda failure: type(failure).__name__,
)
def test_a_child_that_cannot_be_started_is_tried_again(watched: Watched, soon: None, failure: Exception) -> None:
    child = watched.add("worker", "raise SystemExit(1)")
    works, tries = child.start, 0

    def fails() -> children.Process:
        nonlocal tries
        tries += 1
        if tries < 4:
            raise failure
        return works()

    child.start = fails

    watched.watch(until=lambda: tries > 5)

    assert sum("worker cannot be started: " in line for line in watched.said) == 3


def test_the_pause_grows_up_to_its_bound_and_begins_anew_with_a_child_that_lived(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    child = Child("beat", start=lambda: object())  # type: ignore[arg-type,return-value]
    pauses = []
    for _ in range(9):
        child.begin()
        pauses.append(child.die())

    assert pauses == [0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 10.0, 10.0, 10.0]
    child.begin()
    assert child.trouble() == "has died 9 times in a minute"
    now += children.SETTLED
    assert child.trouble() == ""
    assert child.die() == 0.2


def test_a_board_that_cannot_be_written_is_written_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "RETRY", 0.0)
    board = Board(tmp_path / "home" / "restless.json")

    board.show({"beat": "has died 3 times in a minute"})
    (tmp_path / "home").mkdir()
    board.show({"beat": "has died 3 times in a minute"})

    assert json.loads((tmp_path / "home" / "restless.json").read_text()) == {"beat": "has died 3 times in a minute"}
    size = (tmp_path / "home" / "restless.json").stat().st_size
    board.show({})
    assert (tmp_path / "home" / "restless.json").stat().st_size == size == children.PAGE


def test_what_is_said_into_a_full_disk_is_not_the_end(home: Path) -> None:
    def full(line: str) -> None:
        raise OSError(28, "No space left on device")

    Supervisor(options_of(home), full).say("beat was started again.")


def test_a_first_start_that_fails_ends_it_in_a_sentence(watched: Watched) -> None:
    def fails() -> children.Process:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    with pytest.raises(StartFailed, match=r"web cannot be started: .*Resource temporarily unavailable"):
        watched.up._begin(Child("web", start=fails))
