"""What Redis holds is data: who writes there can make the ledger wrong about a figure, and run nothing in it."""

import json
import os
import pickle
from pathlib import Path
from typing import Any

import pytest
import redis
from django.conf import settings
from django.core.cache import cache
from django.test import Client

from ledger_project.celery import app
from ledger_project.web import remembering
from ledger_project.web.remembering import remembered


class Planted:
    """What runs when somebody unpickles it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.path),)


def plant(name: str, value: bytes) -> None:
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        client.set(cache.make_key(name), value, ex=30)


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(remembering, "_sulks_until", 0.0)  # another test's Redis was away
    cache.delete("landing")
    yield
    cache.delete("landing")


def test_a_pickle_in_redis_is_not_opened(tmp_path: Path) -> None:
    trap = tmp_path / "ran"
    plant("landing", pickle.dumps(Planted(trap)))

    assert cache.get("landing") is None
    assert Client().get("/").status_code == 200
    assert not trap.exists()
    assert cache.get("landing")[0][0] == "Events sealed"  # computed, and kept as it should be


WRONG = [b"", b"\xff\xfe\x00", b"5", b"[5]", b"{}", b'[["a","b","c","d","e"]]', b"[" * 100_000, b"9" * 10_000, b"null"]


@pytest.mark.parametrize("value", WRONG, ids=[value[:12].hex() for value in WRONG])
def test_what_the_ledger_did_not_write_is_as_good_as_not_there(value: bytes) -> None:
    plant("landing", value)

    answer = Client().get("/")

    assert answer.status_code == 200
    assert b"Events sealed" in answer.content or value == b"{}"


def test_what_is_kept_is_readable_by_everybody_and_a_count_can_be_raised() -> None:
    kept = {"a": [1, True, None, "é"], "b": 1.5}

    cache.set("kept", kept, 30)
    cache.set("count", 1, 30)

    with redis.Redis.from_url(settings.REDIS_URL) as client:
        assert json.loads(client.get(cache.make_key("kept"))) == kept
    assert cache.get("kept") == kept
    assert cache.get_many(["kept", "count"]) == {"kept": kept, "count": 1}
    assert cache.incr("count") == 2
    assert cache.add("count", 7) is False
    with pytest.raises(TypeError):
        cache.set("object", Planted(Path("/")), 30)


def test_what_was_remembered_is_computed_once() -> None:
    cache.delete("sum")
    computed: list[int] = []

    def compute() -> list[int]:
        computed.append(1)
        return [1, 2]

    assert [remembered("sum", 30, compute, sum) for _ in range(3)] == [3, 3, 3]
    assert computed == [1]
    cache.delete("sum")


def test_workers_take_json_and_nothing_else() -> None:
    assert set(app.conf.accept_content) == {"json"}
    assert (app.conf.task_serializer, app.conf.result_serializer, app.conf.event_serializer) == ("json",) * 3
    assert settings.SESSION_SERIALIZER == "django.contrib.sessions.serializers.JSONSerializer"


def test_a_redis_that_hangs_is_waited_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each call used to wait a second, in a thread that others needed."""
    monkeypatch.setattr(remembering, "_sulks_until", 0.0)
    tries: list[str] = []

    def hangs(name: str) -> None:
        tries.append(name)
        raise redis.TimeoutError

    monkeypatch.setattr(cache, "get", hangs)

    assert [remembered("sum", 30, lambda: [1, 2], sum) for _ in range(3)] == [3, 3, 3]
    assert tries == ["sum"]
    monkeypatch.undo()
    monkeypatch.setattr(remembering, "_sulks_until", 0.0)
    assert remembered("sum", 30, lambda: [1, 2], sum) == 3
    assert cache.get("sum") == [1, 2]
    cache.delete("sum")
