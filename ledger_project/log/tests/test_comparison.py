"""Every checkpoint that is kept elsewhere is held against the log; nothing is sent where one contradicts it."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from ledger_project.kernel import notes
from ledger_project.kernel.notes import Signer
from ledger_project.log import anchors, comparison, findings, sealing, signing, sinks, status, tree
from ledger_project.log.fence import Fenced
from ledger_project.log.models import AnchorDelivery, Checkpoint
from ledger_project.log.sealer import look
from ledger_project.log.sinks import AnchorFailed, FileSink, GitSink, Sink
from ledger_project.log.tests.test_seal import ANOTHER_KEY, as_owner
from ledger_project.log.tree import LogCutBack, LogForked
from ledger_project.log.unfencing import StaysFenced, unfence
from ledger_project.testing.databases import own_database
from ledger_project.testing.ledger import Ledger

pytestmark = pytest.mark.slow

ORIGIN = "ledger.local/log"


@pytest.fixture
def own(settings: Settings) -> Iterator[Ledger]:
    """A ledger whose log has six leaves."""
    settings.ANCHOR_EVERY = 0
    with own_database():
        ledger = Ledger()
        ledger.open("alice", "bob", "carol", "dan", "eve")
        sealing.seal()
        yield ledger


@pytest.fixture(params=["file", "git"])
def sink(request: pytest.FixtureRequest, tmp_path: Path, settings: Settings) -> Sink:
    subprocess.run(["git", "init", "--quiet", tmp_path / "git"], check=True)
    settings.ANCHORS = [f"{request.param}://{tmp_path / request.param}"]
    return sinks.sinks()[0]


@pytest.fixture
def file(tmp_path: Path, settings: Settings) -> FileSink:
    settings.ANCHORS = [f"file://{tmp_path / 'file'}"]
    (sink,) = sinks.sinks()
    assert isinstance(sink, FileSink)
    return sink


def signed(size: int, root: bytes | None = None, *, origin: str = ORIGIN, signer: Signer | None = None) -> str:
    """A checkpoint; without a root the log's own."""
    root = root or tree.root(size, look)
    signer = signer or Signer(origin, signing.signer().private_key)
    return notes.sign_checkpoint(notes.Checkpoint(origin, size, root), [signer], time=1)


def anchored(sink: Sink) -> int:
    """How many notes a delivery adds."""
    before = len(sink.kept())
    anchors.deliver()
    return len(sink.kept()) - before


@pytest.mark.parametrize(
    ("size", "root", "kind"), [(9, b"9" * 32, LogCutBack), (3, b"3" * 32, LogForked), (6, b"6" * 32, LogForked)]
)
def test_an_older_note_that_contradicts_is_found_behind_newer_ones_that_agree(
    own: Ledger, sink: Sink, size: int, root: bytes, kind: type[Exception]
) -> None:
    """A copy may have delivered after the original did: the newest note says nothing of those before it."""
    for note in (signed(2), signed(size, root), signed(5), signed(6)):
        sink.deliver(note)
    own.open("fay")

    with pytest.raises(kind, match=f"holds a checkpoint of {size} leaves; this log of 6 does not extend it"):
        anchors.deliver()

    for _ in range(2):
        with pytest.raises(Fenced):
            sealing.seal()
        with pytest.raises(Fenced):
            anchors.deliver()
    assert len(sink.kept()) == 4
    assert Checkpoint.objects.count() == 1
    assert kind.finding in {found.kind for found in findings.unresolved()}
    assert f"{kind.finding}: " in status.status().alarms[0]


def test_a_contradiction_is_closed_by_a_new_name_alone(own: Ledger, sink: Sink, settings: Settings) -> None:
    sink.deliver(signed(3, b"3" * 32))
    with pytest.raises(LogForked):
        anchors.deliver()
    with pytest.raises(StaysFenced, match=r"forked: .*Give the log a new name"):
        unfence("it is fine", "ann")
    with pytest.raises(Fenced):
        sealing.seal()

    settings.LOG_ORIGIN = "ledger.local/log-2"
    with pytest.raises(Fenced):
        sealing.seal()
    unfence("the log goes on under another name", "ann")

    sealing.seal()
    assert anchored(sink) == 1
    assert sink.kept()[-1].startswith("ledger.local/log-2\n6\n")
    assert status.status().alarms == []
    settings.LOG_ORIGIN = ORIGIN
    assert [found.kind for found in findings.unresolved()] == []
    with pytest.raises(LogForked):  # whoever takes the old name up again
        anchors.deliver()


def test_the_fence_is_lifted_only_where_every_anchor_could_be_asked(own: Ledger, file: FileSink) -> None:
    findings.note("fenced", detail="restored")
    file.path.mkdir()
    with pytest.raises(StaysFenced, match="cannot be compared: Is a directory"):
        unfence("it is fine", "ann")

    file.path.rmdir()
    file.deliver(signed(9, b"9" * 32))
    with pytest.raises(LogCutBack):
        unfence("it is fine", "ann")
    assert {found.kind for found in findings.unresolved()} == {"cut_back", "fenced"}


def test_no_sink_is_sent_what_another_one_contradicts(own: Ledger, tmp_path: Path, settings: Settings) -> None:
    settings.ANCHORS = [f"file://{tmp_path / 'one'}", f"file://{tmp_path / 'two'}"]
    one, two = sinks.sinks()
    two.deliver(signed(9, b"9" * 32))

    with pytest.raises(LogCutBack):
        anchors.deliver()

    assert (one.kept(), len(two.kept())) == ([], 1)


def test_a_sink_that_cannot_be_read_back_is_sent_nothing(own: Ledger, file: FileSink) -> None:
    file.path.mkdir()

    assert anchors.deliver() == 0

    (delivery,) = AnchorDelivery.objects.all()
    assert (delivery.last_error, delivery.delivered_at) == ("Is a directory", None)


def test_what_no_key_of_the_log_has_signed_is_no_evidence(own: Ledger, file: FileSink) -> None:
    """Else whoever can write there, and has no key, could stop the ledger for good."""
    stranger = Signer(ORIGIN, signing._load(ANOTHER_KEY))
    file.deliver(signed(6, signer=stranger))
    assert anchored(file) == 1
    own.open("fay")
    sealing.seal()
    file.deliver(signed(9, b"9" * 32, signer=stranger))

    assert anchored(file) == 0

    assert "is not this log's" in AnchorDelivery.objects.order_by("-id")[0].last_error
    assert not findings.unresolved()
    assert sealing.seal().sealed == 0


def test_a_sink_that_has_a_later_one_is_not_sent_an_earlier(own: Ledger, file: FileSink) -> None:
    """Two workers at it: one was slow, and the other has delivered what came after."""
    look("INSERT INTO log_anchordelivery (sink, checkpoint_id) SELECT %s, min(id) FROM log_checkpoint", (file.name,))
    own.open("fay")
    sealing.seal()
    file.deliver(signed(7))

    assert anchored(file) == 0
    assert anchored(file) == 1
    assert [note.split("\n")[1] for note in file.kept()] == ["7", "7"]


def test_a_process_reads_what_was_added_and_judges_the_largest_anew(
    own: Ledger, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database may be another by now, though the sink is the same."""
    assert anchored(sink) == 1
    read = []
    for kind in (FileSink, GitSink):
        whole = kind.kept_since
        monkeypatch.setattr(
            kind, "kept_since", lambda self, place, whole=whole: read.append(found := whole(self, place)) or found
        )

    assert comparison.compare(sink) == 6
    assert [notes for notes, _ in read] == [[signed_here()], []]
    read.clear()
    assert comparison.compare(sink) == 6
    assert [notes for notes, _ in read] == [[]]

    as_owner("UPDATE log_leaf SET leaf_hash = sha256('x') WHERE log_index = 3")
    with pytest.raises(LogForked):
        comparison.compare(sink)


def signed_here() -> str:
    return Checkpoint.objects.order_by("-id")[0].note


def test_what_this_database_has_delivered_is_not_computed_again(own: Ledger, file: FileSink) -> None:
    """A year of checkpoints, one a minute, is compared in moments when a worker starts."""
    for name in ("fay", "gus", "hal"):
        own.open(name)
        sealing.seal()
        assert anchored(file) == 1
    claims = comparison._claims(file, file.kept())

    unknown = comparison._unknown(file, claims, claims[-1])

    assert [claim.size for claim in unknown] == [9]
    as_owner("DELETE FROM log_anchordelivery")
    assert [claim.size for claim in comparison._unknown(file, claims, claims[-1])] == [7, 8, 9]


def test_a_file_that_was_replaced_is_read_from_its_beginning(own: Ledger, file: FileSink) -> None:
    file.deliver(signed(6))
    notes, place = file.kept_since(sinks.START)
    assert (len(notes), file.kept_since(place)) == (1, ([], place))

    moved = file.path.rename(file.path.with_name("moved"))
    file.deliver(signed(2))
    file.deliver(signed(3))
    assert len(file.kept_since(place)[0]) == 2
    moved.replace(file.path)
    assert file.kept_since(place) == ([], place)


def test_a_long_file_is_read_page_by_page(own: Ledger, file: FileSink, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever stands between the notes, and wherever a page ends."""
    expected = [signed(1 + number % 6) for number in range(60)]
    for number, note in enumerate(expected):
        file.deliver(note)
        with file.path.open("ab") as whatever:
            whatever.write(b"x" * (number * 37 % 700) + b"\n\n")
    monkeypatch.setattr(sinks, "LONGEST", 600)

    for page in (1200, 1201, 4096, 65536):
        monkeypatch.setattr(sinks, "PAGE", page)
        assert file.kept() == expected


def test_every_branch_of_a_repository_counts(own: Ledger, tmp_path: Path, settings: Settings) -> None:
    """That of another copy which pushed to the same remote, once it was fetched; and a history that was rewritten."""
    subprocess.run(["git", "init", "--quiet", tmp_path / "git"], check=True)
    settings.ANCHORS = [f"git://{tmp_path / 'git'}"]
    (sink,) = sinks.sinks()
    sink.deliver(signed(2))
    _, place = sink.kept_since(sinks.START)
    git = ["git", "-C", tmp_path / "git", "-c", "user.name=x", "-c", "user.email=x"]
    subprocess.run([*git, "checkout", "--quiet", "-b", "other"], check=True)
    sink.deliver(signed(3))
    subprocess.run([*git, "checkout", "--quiet", "-"], check=True)

    assert sink.kept_since(place)[0] == [signed(3)]
    subprocess.run([*git, "branch", "--quiet", "-D", "other"], check=True)
    subprocess.run([*git, "commit", "--quiet", "--amend", "-m", "again"], check=True)
    subprocess.run([*git, "reflog", "expire", "--expire=all", "--all"], check=True)
    subprocess.run([*git, "gc", "--quiet", "--prune=now"], check=True, capture_output=True)
    assert sink.kept_since(place)[0] == [signed(2)]


def test_a_tree_that_cannot_be_read_is_no_anchors_fault(own: Ledger, file: FileSink) -> None:
    file.deliver(signed(6))
    as_owner("DELETE FROM log_leaf WHERE log_index = 2")

    with pytest.raises(tree.LogAltered, match="cannot be compared: a leaf is missing"):
        anchors.deliver()


def test_an_anchor_that_is_away_stops_no_pass(own: Ledger, file: FileSink) -> None:
    file.path.mkdir()
    own.open("fay")
    comparison._looked_back = (None, 0)

    assert sealing.seal().sealed == 1
    with pytest.raises(AnchorFailed):
        comparison.compare(file)
