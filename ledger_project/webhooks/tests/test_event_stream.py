"""GET /v1/events/stream: the feed as it grows, gap-free over reconnections, and never all of a process's threads."""

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.http import StreamingHttpResponse
from pytest_django import Settings

from ledger_project.log import feed, sealing
from ledger_project.testing.api import Api
from ledger_project.testing.ledger import Ledger
from ledger_project.webhooks import stream

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[3]
ADDRESS = "/v1/events/stream"


@pytest.fixture
def api(ledger: Ledger, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Api:
    """Streams that end soon."""
    settings.EVENT_STREAM_SECONDS = 1
    monkeypatch.setattr(stream, "POLL", 0.02)
    return Api(ledger)


def read(response: Any) -> list[tuple[int, str, dict[str, Any]]]:
    """Every event until the stream ends: id, type, data."""
    assert isinstance(response, StreamingHttpResponse)
    with closing(response):
        text = b"".join(response.streaming_content).decode()  # type: ignore[arg-type]
    events = []
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if "data" in fields:
            events.append((int(fields["id"]), fields["event"], json.loads(fields["data"])))
    return events


def test_a_stream_tells_what_there_is_and_what_comes(ledger: Ledger, api: Api) -> None:
    ledger.open("alice", funded=1)
    sealing.seal()

    response = api.get(f"{ADDRESS}?after=-1")
    assert response.status_code == 200
    assert response["Content-Type"] == "text/event-stream"
    assert response["Cache-Control"] == "no-store"
    ledger.run("mint", account="alice", amount=2)
    sealing.seal()
    events = read(response)

    types = ["currency.registered", "api_key.issued", "account.opened", "credits.minted", "credits.minted"]
    assert [type for _, type, _ in events] == types
    assert [index for index, _, _ in events] == sorted({data["log_index"] for _, _, data in events})
    assert {data["tenant"] for _, _, data in events} == {f"ten_{ledger.tenant}"}
    assert events[1][2]["redacted"] == ["digest", "prefix"]


def test_who_reconnects_misses_nothing_and_hears_nothing_twice(ledger: Ledger, api: Api) -> None:
    ledger.open("alice")
    for amount in range(1, 21):
        ledger.run("mint", account="alice", amount=amount)
    sealing.seal()
    everything = [index for index, _, _ in read(api.get(f"{ADDRESS}?after=-1"))]

    seen = everything[:7]
    # The browser repeats its address and adds where it stood, which wins.
    rest = read(api.get(f"{ADDRESS}?after=-1", **{"Last-Event-ID": str(seen[-1])}))

    assert seen + [index for index, _, _ in rest] == everything
    assert len(everything) == 23


def test_without_a_place_it_begins_now(ledger: Ledger, api: Api) -> None:
    ledger.open("alice", funded=1)
    sealing.seal()

    response = api.get(ADDRESS)
    ledger.run("mint", account="alice", amount=2)
    sealing.seal()

    assert [data["payload"]["amount"] for _, _, data in read(response)] == ["2"]


def test_a_wrong_place_is_refused_beside_a_right_one(api: Api) -> None:
    answer = api.get(f"{ADDRESS}?after=AAA", **{"Last-Event-ID": "1"})
    assert (answer.status_code, answer.json()["field"]) == (422, "after")


@pytest.mark.parametrize("query", ["after=x", "after=-2", "after=1.5", "after=", "after=1&after=2", "type=x"])
def test_a_wrong_place_is_refused(api: Api, query: str) -> None:
    assert api.get(f"{ADDRESS}?{query}").status_code == 422


def test_only_who_may_read_may_listen(ledger: Ledger, api: Api) -> None:
    assert Api(ledger, "journal.mint").get(ADDRESS).status_code == 403
    assert api.client.get(ADDRESS).status_code == 401
    assert api.post(ADDRESS, {}).status_code == 405


def test_a_process_serves_few_streams_and_a_tenant_half_of_them(ledger: Ledger, api: Api, settings: Settings) -> None:
    settings.EVENT_STREAMS = 4
    others = [Api(Ledger()) for _ in range(2)]
    open_ones = [api.get(ADDRESS), api.get(ADDRESS)]
    refused = api.get(ADDRESS)
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_streams")
    assert refused["Retry-After"] == "10"
    open_ones += [others[0].get(ADDRESS), others[1].get(ADDRESS)]
    assert others[1].get(ADDRESS).status_code == 429

    open_ones[0].close()  # never read from
    open_ones.append(api.get(ADDRESS))
    assert open_ones[-1].status_code == 200
    for response in open_ones:
        response.close()

    assert stream.places._taken.total() == 0


def test_a_revoked_key_ends_its_stream(
    ledger: Ledger, api: Api, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.EVENT_STREAM_SECONDS = 60
    settings.API_KEY_CACHE_SECONDS = 0
    monkeypatch.setattr(stream, "HEARTBEAT", 0.1)
    response = api.get(ADDRESS)
    heard = iter(response)
    assert next(heard).startswith(b"retry: 1000")
    assert next(heard) == b": still here\n\n"

    ledger.run("revoke_api_key", api_key=api.id)

    assert list(heard) in ([], [b": still here\n\n"])
    assert stream.places._taken.total() == 0


@pytest.fixture
def served() -> Iterator[int]:
    """A gunicorn with three threads, of which streams may have two; its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    words = ["-m", "gunicorn", "ledger_project.wsgi:application", f"--bind=127.0.0.1:{port}"]
    options = ["--workers=1", "--threads=3", "--no-control-socket", "--graceful-timeout=1"]
    environment = os.environ | {"EVENT_STREAMS": "2"}
    process = subprocess.Popen([sys.executable, *words, *options], cwd=ROOT, env=environment)
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                assert get(port, "/healthz")[0] == 200
                break
            except OSError:
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait(30)


def get(port: int, path: str, token: str = "") -> tuple[int, bytes]:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
        connection.request("GET", path, headers={"Authorization": f"Bearer {token}"} if token else {})
        response = connection.getresponse()
        return response.status, response.read()


class Listener:
    """A client that keeps its stream open."""

    def __init__(self, port: int, token: str) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        self.connection.request("GET", ADDRESS, headers={"Authorization": f"Bearer {token}"})
        self.response = self.connection.getresponse()
        self.status = self.response.status

    def close(self) -> None:
        self.response.close()
        self.connection.close()


def test_under_gunicorn_streams_leave_threads_for_the_others(ledger: Ledger, served: int) -> None:
    sealing.seal()
    mine, other = Api(ledger), Api(Ledger())
    first, second = Listener(served, mine.token), Listener(served, other.token)
    assert (first.status, second.status) == (200, 200)

    refused = Listener(served, mine.token)
    assert refused.status == 429
    refused.close()
    assert [get(served, "/v1/accounts", mine.token)[0] for _ in range(20)] == [200] * 20
    sealing.seal()
    ledger.open("alice", funded=5)
    sealing.seal()
    lines: list[bytes] = []
    while b"event: credits.minted\n" not in lines:
        lines.append(first.response.readline())
    assert feed.read(-1, 1000, ledger.tenant)[-1].log_index == int(lines[-2].removeprefix(b"id: "))

    # A client that goes away gives its place back, at the latest when the next sign of life does not reach it.
    second.close()
    deadline = time.monotonic() + 40
    while (again := Listener(served, other.token)).status == 429:
        again.close()
        assert time.monotonic() < deadline
        time.sleep(0.5)
    assert again.status == 200
    again.close()
    first.close()
