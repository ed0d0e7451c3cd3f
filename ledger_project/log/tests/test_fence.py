"""The fence: how a copy of the database is told from its original, what it does not do, and who lets it go on."""

import json
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connections
from pytest_django import Settings

from ledger_project.log import fence, findings, rotation, sealing, signing, status
from ledger_project.log.fence import Fenced
from ledger_project.log.models import Checkpoint, Instance, SealingFinding
from ledger_project.log.sealer import SEALER
from ledger_project.log.signing import NoSigningKey
from ledger_project.log.tests.test_seal import ANOTHER_KEY, as_owner
from ledger_project.testing.databases import own_database
from ledger_project.testing.ledger import Ledger

pytestmark = pytest.mark.slow


@pytest.fixture
def own() -> Iterator[Ledger]:
    with own_database():
        yield Ledger()


@pytest.fixture
def file(own: Ledger, settings: Settings) -> Path:
    """What is kept of the database, which has sealed an event by now."""
    sealing.seal()
    return Path(settings.INSTANCE_FILE)


def kept(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return found


def unfence(reason: str = "the original is lost") -> str:
    out = StringIO()
    call_command("unfence", reason=reason, by="ann", stdout=out)
    return out.getvalue()


def test_the_first_pass_gives_a_database_its_id_and_each_notes_how_far_it_got(own: Ledger, settings: Settings) -> None:
    assert fence.reason() is None
    sealing.seal()
    own.open("alice", "bob")
    sealing.seal()

    (instance,) = Instance.objects.all()
    assert kept(settings.INSTANCE_FILE) == {"instance": instance.instance, "size": 3}
    assert (instance.reason, instance.made_by) == ("the first pass", "system:sealer")
    assert status.status().alarms == []


def test_a_first_pass_that_ended_between_file_and_database_is_taken_up(own: Ledger, settings: Settings) -> None:
    fence.write(fence.Kept("begun", 0))

    sealing.seal()

    assert Instance.objects.get().instance == "begun"


def another(file: Path) -> None:
    file.write_text(json.dumps({"instance": "another", "size": 1}), "utf-8")


def further(file: Path) -> None:
    file.write_text(json.dumps(kept(file) | {"size": 7}), "utf-8")


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda file: file.unlink(), "there is no "),
        (another, "is of another"),
        (further, "this instance has signed 7 leaves, and the database has 1"),
        (lambda file: file.write_text("{}", "utf-8"), "cannot be read"),
        (lambda file: as_owner("DELETE FROM log_instance"), "is of no instance"),
    ],
    ids=["gone", "another's", "ahead", "damaged", "a database of before"],
)
def test_a_copy_seals_nothing_until_an_operator_lets_it_go_on(own: Ledger, file: Path, spoil: Any, says: str) -> None:
    signed, before = Checkpoint.objects.count(), kept(file)
    spoil(file)
    own.open("alice")

    for _ in range(2):
        with pytest.raises(Fenced, match=says):
            sealing.seal()
    with pytest.raises(NoSigningKey, match="fenced"):
        signing.require_in_use(signing.signer())
    with pytest.raises(Fenced):
        rotation.rotate(_key(ANOTHER_KEY))

    assert Checkpoint.objects.count() == signed
    assert says in status.status().alarms[0]
    assert [found.kind for found in findings.unresolved()] == ["fenced"]

    assert "seals and sends" in unfence()

    assert sealing.seal().sealed == 1
    newest = Instance.objects.order_by("-id")[0]
    assert (newest.reason, newest.made_by) == ("the original is lost", "ann")
    assert newest.instance != before["instance"]
    assert kept(file) == {"instance": newest.instance, "size": 2}
    assert status.status().alarms == []


def _key(pem: str) -> Any:
    return signing._load(pem)


def test_the_fence_does_not_open_by_itself(own: Ledger, file: Path) -> None:
    """What it was closed for may go away again, as when a volume was mounted late: then an operator has looked."""
    content = file.read_text("utf-8")
    file.unlink()
    with pytest.raises(Fenced):
        sealing.seal()
    file.write_text(content, "utf-8")

    with pytest.raises(Fenced, match="fenced: the database is of instance "):
        sealing.seal()


def test_an_environment_without_disks_names_its_instance(own: Ledger, settings: Settings) -> None:
    settings.INSTANCE = "blue"
    sealing.seal()
    assert not Path(settings.INSTANCE_FILE).exists()
    assert Instance.objects.get().instance == "blue"

    settings.INSTANCE = "green"
    with pytest.raises(Fenced, match="is of instance blue, and LEDGER_INSTANCE is of green"):
        sealing.seal()
    unfence()
    assert Instance.objects.order_by("-id")[0].instance == "green"
    sealing.seal()

    settings.INSTANCE = "blue"
    with pytest.raises(Fenced):
        sealing.seal()
    with pytest.raises(CommandError, match="a value that this ledger never had"):
        unfence()


def test_a_process_that_cannot_seal_goes_by_what_the_worker_found(
    own: Ledger, file: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The web process of another container has no file, and nothing to judge by but the database."""
    settings.INSTANCE_FILE = file.with_name("elsewhere")
    assert fence.reason() is not None
    with monkeypatch.context() as web:
        web.setattr(fence, "_seals", lambda: False)
        assert fence.reason() is None
        findings.note("fenced", detail="the worker says so")
        assert fence.reason() == "fenced: the worker says so"


def test_who_unfences_says_why_and_only_what_is_fenced(own: Ledger, file: Path) -> None:
    with pytest.raises(CommandError, match="is not fenced"):
        unfence()
    another(file)
    with pytest.raises(CommandError, match="say why"):
        unfence(" ")
    assert Instance.objects.count() == 1


def test_a_file_that_cannot_be_written_ends_no_pass(own: Ledger, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was sealed is sealed; the file says less than it could, which fences nothing."""

    def full(kept: fence.Kept) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(fence, "write", full)
    own.open("alice")

    assert sealing.seal().sealed == 1
    assert (kept(file)["size"], fence.reason()) == (1, None)


def test_a_file_that_is_not_written_whole_is_not_left_about(
    own: Ledger, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = sorted(file.parent.iterdir())

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(fence.os, "fsync", full)
        own.open("alice")
        sealing.seal()

    assert sorted(file.parent.iterdir()) == before
    assert kept(file)["size"] == 1


@pytest.mark.parametrize("kind", findings.CONTRADICTIONS)
@pytest.mark.parametrize("alias", [SEALER, "owner"])
def test_postgresql_lets_nothing_but_an_operator_close_a_contradiction(
    own: Ledger, file: Path, settings: Settings, alias: str, kind: str
) -> None:
    findings.note(kind, detail="an anchor says so")

    with pytest.raises(DatabaseError) as refused, connections[alias].cursor() as cursor:
        cursor.execute("UPDATE log_sealingfinding SET resolved_at = now() WHERE kind = %s", [kind])
    assert refused.value.__cause__.diag.constraint_name == "contradiction_stays_open"  # type: ignore[union-attr]
    with pytest.raises(DatabaseError):
        findings.resolve(kind)
    assert findings.contradicted()

    settings.LOG_ORIGIN = "ledger.local/another-name"
    another(file)
    unfence()
    assert not SealingFinding.objects.filter(resolved_at=None).exists()


def test_the_fence_is_looked_at_with_the_sealers_own_rights(own: Ledger, file: Path) -> None:
    with connections[SEALER].cursor() as cursor:
        cursor.execute("SELECT instance FROM log_instance")
        assert cursor.fetchall() == [(kept(file)["instance"],)]
