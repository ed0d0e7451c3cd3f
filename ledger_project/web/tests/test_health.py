"""What a balancer is told: 503 takes a server out of service, so that is for what keeps it from posting alone."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import Client
from pytest_django import Settings

from ledger_project.web import probing
from ledger_project.web.probing import Probe


@pytest.fixture
def frozen() -> Iterator[str]:
    """The address of a server that takes connections and never answers."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(64)
        yield f"127.0.0.1:{server.getsockname()[1]}"


def test_a_redis_that_is_frozen_or_away_takes_no_server_out_of_service(
    frozen: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for address in (f"redis://{frozen}/0", "redis://127.0.0.1:1/0"):
        settings.REDIS_URL = address
        monkeypatch.setattr(probing, "REDIS", Probe(probing.ask_redis, sulk=probing.SULK))
        began = time.monotonic()

        answers = [Client().get("/readyz") for _ in range(20)]

        assert time.monotonic() - began < 2  # and not twenty times the patience with Redis
        assert {answer.status_code for answer in answers} == {200}
        assert {answer.json()["status"] for answer in answers} == {"degraded"}
        assert {answer.json()["checks"]["redis"] for answer in answers} == {"unreachable"}


def test_processes_that_keep_dying_are_told_of(settings: Settings, tmp_path: Path) -> None:
    settings.RESTLESS = tmp_path / "restless.json"
    assert "processes" not in Client().get("/readyz").json()["checks"]

    settings.RESTLESS.write_text(json.dumps({"beat": "has died 6 times in a minute", "disk": "has 3 MB left"}))

    answer = Client().get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["status"] == "degraded"
    assert answer.json()["checks"]["processes"] == "beat has died 6 times in a minute; disk has 3 MB left"
    settings.RESTLESS.write_text('{"be')  # just being written
    assert Client().get("/readyz").json()["checks"]["processes"] == "ok"


@pytest.mark.parametrize(("told", "code"), [({}, "unavailable"), ({"disk": "has 3 MB left"}, "database_full")])
def test_a_postgresql_that_ended_for_want_of_room_is_a_full_one(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: dict[str, str], code: str
) -> None:
    settings.RESTLESS = tmp_path / "restless.json"
    settings.RESTLESS.write_text(json.dumps(told))
    monkeypatch.setattr(probing, "DATABASE", Probe(lambda: "unavailable"))

    answer = Client().get("/readyz")

    assert (answer.status_code, answer.json()["checks"]["database"]) == (503, code)


def test_a_server_that_hangs_holds_the_first_who_asks_and_for_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probing, "PATIENCE", 0.3)
    thaws = threading.Event()
    asked: list[float] = []

    def ask() -> str:
        asked.append(time.monotonic())
        thaws.wait(30)
        return "ok"

    probe = Probe(ask)
    began = time.monotonic()
    assert probe.look() == "timed_out"
    assert 0.2 < time.monotonic() - began < 1
    began = time.monotonic()
    assert {probe.look() for _ in range(100)} == {"timed_out"}
    assert time.monotonic() - began < 0.2
    assert len(asked) == 1

    thaws.set()
    deadline = time.monotonic() + 5
    while probe.look() != "ok":
        assert time.monotonic() < deadline


def test_however_many_look_a_server_is_asked_once_a_second() -> None:
    asked: list[None] = []
    probe = Probe(lambda: "ok" if asked.append(None) is None else "")

    began = time.monotonic()
    while time.monotonic() - began < 1.5:
        assert probe.look() == "ok"

    assert len(asked) == 2
