"""`/metrics`: whose it is, and that it counts what happened, in all processes of a server."""

import http.client
import os
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psutil
import pytest
from django.db import DatabaseError
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families
from pytest_django import Settings

from ledger_project.kernel.errors import IdempotencyKeyReused
from ledger_project.log import status
from ledger_project.testing.api import Api, refused
from ledger_project.testing.crowd import together
from ledger_project.testing.ledger import Ledger

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[3]
TOKEN = "secret-of-the-metrics"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
Figures = Counter[tuple[str, frozenset[tuple[str, str]]]]


@pytest.fixture(autouse=True)
def token(settings: Settings) -> None:
    settings.METRICS_TOKEN = TOKEN


def parsed(text: str) -> Figures:
    """Every sample by its name and labels."""
    return Counter(
        {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }
    )


def figures() -> Figures:
    response = Client().get("/metrics", headers=BEARER)
    assert response.status_code == 200
    return parsed(response.content.decode())


def of(found: Figures, name: str, **labels: str) -> float:
    return found[name, frozenset(labels.items())]


def test_it_belongs_to_who_has_its_token(api: Api) -> None:
    for given in ({}, {"Authorization": "Bearer x"}, {"Authorization": f"Bearer {api.token}"}):
        answer = refused(Client().get("/metrics", headers=given), 401, "not_authenticated")
        assert answer["reason"] == "not the token of /metrics"


def test_without_a_token_there_is_no_such_address(settings: Settings) -> None:
    settings.METRICS_TOKEN = ""

    for given in ({}, {"Authorization": "Bearer "}, {"Authorization": "Bearer"}):
        assert Client().get("/metrics", headers=given).status_code == 404


def test_requests_and_calls_are_counted_by_what_became_of_them(api: Api) -> None:
    api.ledger.open("alice", funded=100)
    api.ledger.open("bob")
    pay = {"from_account": "alice", "to_account": "bob", "amount": 60}
    before = figures()

    answers = [
        api.post("/v1/transfers", pay, key="one"),
        api.post("/v1/transfers", pay, key="one"),
        api.post("/v1/transfers", {**pay, "amount": 1}, key="one"),
        api.post("/v1/transfers", pay, key="two"),
        api.post("/v1/transfers?dry_run=true", {**pay, "amount": 1}, key="three"),
    ]

    assert [answer.status_code for answer in answers] == [201, 201, 422, 402, 200]
    after = figures()
    after.subtract(before)
    outcomes = {"accepted": 1, "replayed": 1, IdempotencyKeyReused.code: 1, "insufficient_funds": 1, "failed": 0}
    for outcome, times in outcomes.items():
        assert of(after, "ledger_commands_total", command="transfer", outcome=outcome) == times, outcome
    assert of(after, "ledger_batch_calls_count") == of(after, "ledger_batch_calls_sum") == 4
    address = {"method": "POST", "route": "v1/transfers"}
    for code, times in {"201": 2, "422": 1, "402": 1, "200": 1}.items():
        assert of(after, "ledger_requests_total", status=code, **address) == times
    assert of(after, "ledger_request_seconds_count", **address) == 5
    assert of(after, "ledger_request_seconds_sum", **address) > 0


def test_a_batch_is_one_batch_of_its_calls(ledger: Ledger) -> None:
    before = figures()

    ledger.execute(*(ledger.call("open_account", name=f"agent-{n}") for n in range(30)))

    after = figures()
    after.subtract(before)
    assert of(after, "ledger_batch_calls_bucket", le="16.0") == 0
    assert of(after, "ledger_batch_calls_bucket", le="32.0") == 1
    assert of(after, "ledger_commands_total", command="open_account", outcome="accepted") == 30


def test_nobody_can_make_up_labels(api: Api) -> None:
    Client().get("/v1/nothing/at/all"), Client().get("/nor/here")
    Client().generic("BREW", "/healthz"), api.get("/v1/accounts/acc_of_nobody/balance")
    labels = {dict(labels).get("route") for (name, labels) in figures() if name == "ledger_requests_total"}

    assert {"none", "v1/accounts/<str:account>/balance"} <= labels
    assert not any("nothing" in (route or "") or "nobody" in (route or "") for route in labels)
    assert of(figures(), "ledger_requests_total", method="other", route="healthz", status="405") >= 1


def test_a_database_that_is_away_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert of(figures(), "ledger_database_up") == 1

    def away() -> None:
        raise DatabaseError

    monkeypatch.setattr(status, "status", away)

    found = figures()

    assert of(found, "ledger_database_up") == 0
    assert ("ledger_log_size", frozenset()) not in found


def test_the_page_names_every_metric(api: Api) -> None:
    page = (ROOT / "docs/metrics.md").read_text("utf-8")
    text = Client().get("/metrics", headers=BEARER).content.decode()
    names = {
        family.name + "_total" * (family.type == "counter")
        for family in text_string_to_metric_families(text)
        if not family.name.endswith("_created")
    }

    assert {name for name in names if f"`{name}`" not in page and f"`{name}{{" not in page} == set()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[int, psutil.Process]]:
    """A gunicorn with three processes: its port, and the first of them."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    words = ["-m", "gunicorn", "ledger_project.wsgi:application", f"--bind=127.0.0.1:{port}"]
    options = ["--workers=3", "--threads=2", "--no-control-socket", "--graceful-timeout=1"]
    counts = tmp_path / "ledger-metrics-here"
    counts.mkdir()
    environment = os.environ | {"METRICS_TOKEN": TOKEN, "PROMETHEUS_MULTIPROC_DIR": str(counts)}
    process = subprocess.Popen([sys.executable, *words, *options], cwd=ROOT, env=environment)
    try:
        await_that(lambda: process.poll() is not None or get(port, "/healthz") is not None)
        assert process.poll() is None
        yield port, psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(30)


def await_that(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def get(port: int, path: str) -> str | None:
    """The answer to a GET; None from a server that does not answer."""
    try:
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
            connection.request("GET", path, headers=BEARER)
            return connection.getresponse().read().decode()
    except OSError:
        return None


def test_all_processes_of_a_server_are_added_up_also_those_that_died(
    served: tuple[int, psutil.Process], tmp_path: Path
) -> None:
    port, server = served
    calls = {"method": "GET", "route": ".well-known/jwks.json", "status": "200"}

    def at_work() -> set[str]:
        return {path.stem.split("_")[1] for path in tmp_path.glob("ledger-metrics-*/counter_*.db")}

    def counted() -> float:
        return of(parsed(get(port, "/metrics") or ""), "ledger_requests_total", **calls)

    asked = 0
    while len(at_work()) < 3 or asked < 50:
        together([lambda: get(port, "/.well-known/jwks.json")] * 5)
        asked += 5
        assert asked < 5000
    assert [counted() for _ in range(5)] == [asked] * 5

    killed = server.children()[0]
    killed.kill()
    await_that(lambda: killed.pid not in {child.pid for child in server.children()} and len(server.children()) == 3)

    assert str(killed.pid) in at_work()
    assert counted() == asked
    assert get(port, "/.well-known/jwks.json")
    assert counted() == asked + 1
    server.terminate()
    server.wait(30)
    assert list(tmp_path.glob("ledger-metrics-*")) == []
