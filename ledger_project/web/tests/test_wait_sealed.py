"""`?wait=sealed`: the answer has the event's place in the log, or says after a while that it has none yet."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connections
from pytest_django import Settings

from ledger_project.log import sealing
from ledger_project.log.models import Leaf
from ledger_project.testing.api import Api, refused

ALICE = {"name": "alice"}


@contextmanager
def a_sealer(*, pause: float = 0.05) -> Iterator[None]:
    """Somebody who seals all the time."""
    stop = threading.Event()

    def work() -> None:
        while not stop.wait(pause):
            sealing.seal()
        connections.close_all()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    yield
    stop.set()
    thread.join(30)


def test_who_waits_is_told_the_events_place(api: Api) -> None:
    with a_sealer():
        event = api.post("/v1/accounts?wait=sealed", ALICE).json()["event"]

    assert event["state"] == "sealed"
    assert event["log_index"] == Leaf.objects.get(event=event["id"][4:]).log_index
    assert api.get(f"/v1/events/{event['id']}").json() == event


def test_a_replay_can_wait_for_what_the_first_call_did_not(api: Api) -> None:
    first = api.post("/v1/accounts", ALICE, key="k")
    assert first.json()["event"]["state"] == "recorded"

    with a_sealer():
        again = api.post("/v1/accounts?wait=sealed", ALICE, key="k")

    assert again["Idempotent-Replayed"] == "true"
    assert again.json()["event"]["state"] == "sealed"


def test_the_wait_is_bounded_and_the_command_accepted(api: Api, settings: Settings) -> None:
    settings.SEAL_WAIT = 1
    began = time.monotonic()

    answer = api.post("/v1/accounts?wait=sealed", ALICE)

    assert 1 <= time.monotonic() - began < 5
    assert answer.status_code == 201
    assert (answer.json()["event"]["state"], answer.json()["event"]["log_index"]) == ("recorded", None)
    assert api.get("/v1/accounts/alice").status_code == 200


@pytest.mark.parametrize("query", ["wait=sealed&dry_run=true", "dry_run=true&wait=sealed"])
def test_a_rehearsal_does_not_wait(api: Api, settings: Settings, query: str) -> None:
    settings.SEAL_WAIT = 60
    answer = api.post(f"/v1/accounts?{query}", ALICE)

    assert (answer.status_code, answer.json()["dry_run"]) == (200, True)


@pytest.mark.parametrize("wait", ["", "recorded", "sealed "])
def test_nothing_else_can_be_waited_for(api: Api, wait: str) -> None:
    assert refused(api.post(f"/v1/accounts?wait={wait}", ALICE), 422, "invalid_request")["field"] == "wait"


def test_a_batch_waits_for_all_that_was_accepted(api: Api) -> None:
    api.ledger.open("bob")
    opening = [
        {"command": "open_account", "idempotency_key": key, "args": {"name": name}}
        for key, name in [("1", "alice"), ("2", "bob"), ("1", "alice"), ("3", "carol")]
    ]

    with a_sealer():
        answer = api.post("/v1/bulk?wait=sealed", {"atomic": False, "commands": opening}).json()["results"]

    assert [result["status"] for result in answer] == [201, 409, 201, 201]
    places = [result["event"]["log_index"] for result in answer if "event" in result]
    assert places[0] == places[1] < places[2]
    assert {result["event"]["state"] for result in answer if "event" in result} == {"sealed"}
