"""Anchors: checkpoints in places that the database's owner cannot rewrite, and what they reveal."""

import subprocess
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from django.db import connection
from django.db.models.functions import Now
from pytest_django import Settings

from ledger_project.log import anchors, comparison, findings, sealing, status
from ledger_project.log.fence import Fenced
from ledger_project.log.models import AnchorDelivery, Checkpoint
from ledger_project.log.sealer import SEALER
from ledger_project.log.sinks import sinks
from ledger_project.log.tests.test_seal import as_owner
from ledger_project.log.tree import LogCutBack
from ledger_project.log.unfencing import unfence
from ledger_project.log.verification import verify
from ledger_project.testing.databases import own_database
from ledger_project.testing.ledger import Ledger

pytestmark = pytest.mark.slow


@pytest.fixture
def own(settings: Settings) -> Iterator[Ledger]:
    settings.ANCHOR_EVERY = 0
    with own_database():
        yield Ledger()


@pytest.fixture
def file(tmp_path: Path, settings: Settings) -> Path:
    path = tmp_path / "checkpoints"
    settings.ANCHORS = [f"file://{path}"]
    return path


@pytest.fixture
def repository(tmp_path: Path, settings: Settings) -> Path:
    """A repository with a remote, as an auditor would have it."""
    for words in (["init", "--quiet", "--bare", "remote"], ["clone", "--quiet", "remote", "here"]):
        subprocess.run(["git", *words], cwd=tmp_path, check=True, capture_output=True)
    settings.ANCHORS = [f"git://{tmp_path / 'here'}"]
    return tmp_path / "here"


class Clawlogs:
    """Another party's log, which answers as it is told and keeps what it is sent."""

    def __init__(self) -> None:
        self.status = 200
        self.received: list[str] = []
        methods = {"do_POST": lambda request: self._take(request), "log_message": lambda *_: None}
        handler = type("Handler", (BaseHTTPRequestHandler,), methods)
        self.server = HTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://user:secret@127.0.0.1:{self.server.server_port}/checkpoints"

    def _take(self, request: BaseHTTPRequestHandler) -> None:
        self.headers = request.headers
        body = request.rfile.read(int(request.headers["Content-Length"])).decode()
        if self.status < 300:
            self.received.append(body)
        request.send_response(self.status)
        request.send_header("Location", "/elsewhere")
        request.end_headers()


@pytest.fixture
def clawlogs(settings: Settings) -> Iterator[Clawlogs]:
    clawlogs = Clawlogs()
    settings.ANCHORS = [clawlogs.url]
    yield clawlogs
    clawlogs.server.shutdown()
    clawlogs.server.server_close()


def grow(own: Ledger, *names: str) -> str:
    """Seal some more; the new checkpoint."""
    own.open(*names)
    sealing.seal()
    head = sealing.newest()
    assert head is not None
    return head.note


def test_a_file_gets_every_checkpoint_that_is_due(own: Ledger, file: Path) -> None:
    notes = [grow(own, "alice")]
    assert anchors.deliver() == 1
    assert anchors.deliver() == 0, "there is no newer one"
    notes.append(grow(own, "bob"))
    assert anchors.deliver() == 1

    (sink,) = sinks()
    assert sink.kept() == notes
    with file.open("a") as torn:
        torn.write("ledger.local/log\n12\ncut off")
    assert sink.kept() == notes


def test_a_sink_is_not_sent_one_more_often_than_is_asked_for(own: Ledger, file: Path, settings: Settings) -> None:
    settings.ANCHOR_EVERY = 60
    grow(own, "alice")
    assert anchors.deliver() == 1
    grow(own, "bob")
    assert anchors.deliver() == 0
    AnchorDelivery.objects.using(SEALER).update(delivered_at=Now() - timedelta(seconds=61))

    assert anchors.deliver() == 1


def test_a_repository_keeps_a_commit_of_each_and_pushes_it(own: Ledger, repository: Path) -> None:
    notes = [grow(own, "alice")]
    assert anchors.deliver() == 1
    notes.append(grow(own, "bob"))
    assert anchors.deliver() == 1

    (sink,) = sinks()
    assert sink.kept() == notes
    words = ["git", "-C", str(repository.parent / "remote"), "log", "--all", "--reverse", "--format=%an: %s"]
    log = subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()
    assert log == ["ledger: Checkpoint of 2 leaves", "ledger: Checkpoint of 3 leaves"]


def test_another_log_is_sent_the_note_and_its_address_keeps_no_secret(own: Ledger, clawlogs: Clawlogs) -> None:
    note = grow(own, "alice")

    assert anchors.deliver() == 1

    assert clawlogs.received == [note]
    assert clawlogs.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert clawlogs.headers["Authorization"].startswith("Basic ")
    delivery = AnchorDelivery.objects.get()
    assert delivery.sink == f"http://127.0.0.1:{clawlogs.server.server_port}/checkpoints"
    assert "secret" not in str(anchors.status())


@pytest.mark.parametrize("answer", [500, 404, 302])
def test_what_a_sink_did_not_take_is_sent_again_later_from_its_row(
    own: Ledger, clawlogs: Clawlogs, settings: Settings, answer: int
) -> None:
    clawlogs.status = answer
    note = grow(own, "alice")
    assert anchors.deliver() == 0
    delivery = AnchorDelivery.objects.get()
    assert (delivery.attempts, delivery.last_error) == (1, f"HTTP {answer}")
    assert anchors.deliver() == 0
    delivery.refresh_from_db()
    assert delivery.attempts == 1, "it is not tried again before its time"
    AnchorDelivery.objects.using(SEALER).update(next_attempt_at=Now())
    assert anchors.deliver() == 0
    delivery.refresh_from_db()
    assert delivery.attempts == 2
    assert timedelta(seconds=25) < delivery.next_attempt_at - delivery.created_at < timedelta(seconds=60)

    clawlogs.status = 204
    AnchorDelivery.objects.using(SEALER).update(next_attempt_at=Now())
    assert anchors.deliver() == 1
    assert clawlogs.received == [note]
    assert anchors.status()[0].last_error == ""


def test_a_dead_sink_holds_no_other_one_up(own: Ledger, file: Path, settings: Settings) -> None:
    settings.ANCHORS = ["http://127.0.0.1:1/", "file:///nowhere/at/all", "git:///nowhere", *settings.ANCHORS]
    note = grow(own, "alice")

    assert anchors.deliver() == 1

    assert sinks()[-1].kept() == [note]
    errors = [anchor.last_error for anchor in anchors.status()]
    assert errors[0] == "ConnectError"
    assert errors[1] == "No such file or directory"
    assert errors[2].startswith("git for-each-ref: fatal: cannot change to '/nowhere'")
    assert errors[3] == ""


def test_a_stale_anchor_is_an_alarm(own: Ledger, clawlogs: Clawlogs, settings: Settings) -> None:
    grow(own, "alice")
    assert status.status().alarms == []
    clawlogs.status = 500
    settings.ANCHOR_MAX_AGE = 0
    anchors.deliver()
    name = f"http://127.0.0.1:{clawlogs.server.server_port}/checkpoints"
    assert status.status().alarms == [f"the anchor {name} is stale"]

    clawlogs.status = 200
    AnchorDelivery.objects.using(SEALER).update(next_attempt_at=Now())
    anchors.deliver()

    assert status.status().alarms == []
    assert anchors.status()[0].size == 2


def forget_the_last(own: Ledger) -> None:
    """What a restore from an older backup does."""
    as_owner(
        "DELETE FROM log_anchordelivery;"
        "DELETE FROM log_checkpoint WHERE id = (SELECT max(id) FROM log_checkpoint);"
        "DELETE FROM log_event WHERE id = (SELECT event_id FROM log_leaf ORDER BY log_index DESC LIMIT 1);"
        "DELETE FROM log_leaf WHERE log_index = (SELECT max(log_index) FROM log_leaf)"
    )


@pytest.mark.parametrize("kind", ["file", "repository"])
def test_a_log_that_was_cut_back_is_not_continued(
    own: Ledger, kind: str, request: pytest.FixtureRequest, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    request.getfixturevalue(kind)
    grow(own, "alice")
    grow(own, "bob")
    assert anchors.deliver() == 1
    forget_the_last(own)
    monkeypatch.setattr(comparison, "_looked_back", (None, 0))  # another process, as after a restore

    with pytest.raises(LogCutBack, match="a checkpoint of 3 leaves; this log of 2 does not extend it"):
        grow(own, "carol")

    (finding,) = findings.unresolved()
    assert finding.kind == "cut_back"
    with pytest.raises(Fenced, match="cut_back: "):
        grow(own)
    report = verify()
    assert (report.exit_code, report.saved) == (11, 1)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM log_checkpoint")
        assert cursor.fetchone() == (1,)

    settings.LOG_ORIGIN = "ledger.local/log-2"  # the operator declares that the log begins anew
    with pytest.raises(Fenced):
        grow(own)
    unfence("the disk was lost", "ann")
    grow(own)
    assert Checkpoint.objects.order_by("-id")[0].note.startswith("ledger.local/log-2\n3\n")
    assert not findings.unresolved()
    assert verify().exit_code == 0


def test_a_log_that_was_rewritten_from_its_start_is_not_signed(own: Ledger, file: Path) -> None:
    grow(own, "alice", "bob")
    anchors.deliver()
    as_owner(
        "DELETE FROM log_anchordelivery; DELETE FROM log_checkpoint; DELETE FROM log_leaf; DELETE FROM log_node;"
        "UPDATE log_event SET id = gen_random_uuid() WHERE type = 'account.opened'"
    )

    with pytest.raises(LogCutBack):
        sealing.seal()
