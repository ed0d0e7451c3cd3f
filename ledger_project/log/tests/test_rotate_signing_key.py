"""Rotation: the log gets a new key, and all that the old one signed verifies for ever."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from pytest_django import Settings

from ledger_project.kernel import notes
from ledger_project.kernel.keys import thumbprint
from ledger_project.log import feed, receipts, sealing, signing
from ledger_project.log.models import SigningKey
from ledger_project.log.signing import NoSigningKey
from ledger_project.log.verification import verify
from ledger_project.testing.databases import own_database
from ledger_project.testing.ledger import Ledger
from ledger_project.testing.offline import ledger_verify

pytestmark = pytest.mark.slow


@pytest.fixture
def own() -> Iterator[Ledger]:
    with own_database():
        yield Ledger()


@pytest.fixture
def file(tmp_path: Path, settings: Settings) -> Path:
    """The signing key in a file, as an embedded installation has it."""
    path = tmp_path / "signing_key.pem"
    path.write_text(settings.SIGNING_KEY)
    settings.SIGNING_KEY = path
    return path


def seal(own: Ledger, name: str) -> tuple[str, str]:
    """Open an account and seal it; its receipt as JSON, and the checkpoint."""
    own.open(name)
    sealing.seal()
    return json.dumps(receipts.receipt(feed.read(feed.head() - 1, 1)[0].event_id)), receipts.head().note


def published(tmp_path: Path) -> Path:
    path = tmp_path / "jwks.json"
    path.write_bytes(Client().get("/.well-known/jwks.json").content)
    return path


def test_what_the_old_key_signed_and_what_the_new_one_signs_both_verify(
    own: Ledger, file: Path, tmp_path: Path
) -> None:
    old = signing.signer().verifier
    before, old_note = seal(own, "alice")
    call_command("rotate_signing_key")
    after, new_note = seal(own, "bob")

    assert signing.signer().verifier != old
    assert (file.stat().st_mode & 0o777, list(file.parent.glob("*.next"))) == (0o600, [])
    jwks = published(tmp_path)
    first, second = json.loads(jwks.read_bytes())["keys"]
    assert first["kid"] == thumbprint(old.public_key)
    assert first["retired_at"] > second["not_before"] > first["not_before"]
    assert "retired_at" not in second
    for name, receipt in (("before", before), ("after", after)):
        (tmp_path / name).write_text(receipt)
        assert ledger_verify("receipt", tmp_path / name, "--jwks", jwks)["ok"], name
    for name, note in (("old", old_note), ("new", new_note)):
        (tmp_path / name).write_text(note)
    (tmp_path / "proof").write_text(json.dumps(receipts.consistency(2)))
    words = ("--prev-checkpoint", tmp_path / "old", "--consistency", tmp_path / "proof")
    assert ledger_verify("checkpoint", tmp_path / "new", "--jwks", jwks, *words)["ok"]
    report = verify([old_note])
    assert (report.exit_code, report.checkpoints) == (0, 3)


def test_the_old_key_names_its_successor(own: Ledger, file: Path) -> None:
    old = signing.signer().verifier
    seal(own, "alice")

    call_command("rotate_signing_key")

    head = receipts.head()
    both = [old, signing.signer().verifier]
    _, signatures = notes.open_checkpoint(head.note, both)
    assert [signature.key for signature in signatures] == both
    assert head.size == 2


def test_a_retired_key_signs_nothing_any_more(own: Ledger, file: Path) -> None:
    old = file.read_text()
    seal(own, "alice")
    call_command("rotate_signing_key")
    file.write_text(old)  # somebody puts it back
    own.open("bob")

    with pytest.raises(NoSigningKey, match="is not the log's"):
        sealing.seal()
    with pytest.raises(CommandError, match="is not the log's"):
        call_command("rotate_signing_key")


def test_a_rotation_that_was_interrupted_is_finished(
    own: Ledger, file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seal(own, "alice")
    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", lambda *_: 1 / 0)  # killed between the record and the file
        with pytest.raises(ZeroDivisionError):
            call_command("rotate_signing_key")
    with pytest.raises(NoSigningKey):
        sealing.seal()

    call_command("rotate_signing_key")

    assert "it is finished now" in capsys.readouterr().out
    assert sealing.seal() == sealing.Pass()
    assert SigningKey.objects.count() == 2


def test_a_key_from_the_environment_is_replaced_there(
    own: Ledger, tmp_path: Path, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    seal(own, "alice")
    with pytest.raises(CommandError, match="give the new one with --to"):
        call_command("rotate_signing_key")
    new = tmp_path / "new.pem"
    new.write_text(NEW_KEY)

    call_command("rotate_signing_key", to=new)

    assert "Nothing is sealed until the configured key is this one." in capsys.readouterr().out
    with pytest.raises(NoSigningKey):
        sealing.seal()
    settings.SIGNING_KEY = NEW_KEY
    own.open("bob")
    assert sealing.seal().sealed == 1


def test_a_lost_key_is_followed_by_one_that_says_so(own: Ledger, file: Path) -> None:
    seal(own, "alice")
    file.unlink()
    with pytest.raises(CommandError, match="does not exist"):
        call_command("rotate_signing_key")

    call_command("rotate_signing_key", old_key_is_lost=True)

    seal(own, "bob")
    assert verify().exit_code == 0


def test_no_key_comes_back(own: Ledger, tmp_path: Path, settings: Settings) -> None:
    first = str(settings.SIGNING_KEY)
    seal(own, "alice")
    (tmp_path / "new").write_text(NEW_KEY)
    (tmp_path / "first").write_text(first)
    call_command("rotate_signing_key", to=tmp_path / "new")
    settings.SIGNING_KEY = NEW_KEY

    with pytest.raises(CommandError, match="has signed the log before"):
        call_command("rotate_signing_key", to=tmp_path / "first")


NEW_KEY = """-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIMDdJwEWJpXFwEgXZS93Bfkaytdkr6ZjlI3bGc7J9Tg2
-----END PRIVATE KEY-----
"""
