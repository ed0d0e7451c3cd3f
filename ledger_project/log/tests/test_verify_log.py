"""The commands and tasks around the sealed log: for operators, and for the clock."""

import json
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from prometheus_client import REGISTRY, generate_latest

from accounts.models import Tenant
from ledger_project.log import findings, receipts, sealing, signing, status, tasks, verification
from ledger_project.log.tests.test_seal import as_owner
from ledger_project.testing.databases import forget_the_size, own_database
from ledger_project.testing.ledger import Ledger
from ledger_project.testing.offline import ledger_verify

pytestmark = pytest.mark.slow


@pytest.fixture
def own() -> Iterator[Ledger]:
    with own_database():
        ledger = Ledger()
        ledger.open("alice", funded=100)
        sealing.seal()
        yield ledger


def spoil(own: Ledger) -> None:
    as_owner("UPDATE journal_posting SET amount = amount * 2")


def run(name: str, capsys: pytest.CaptureFixture[str], **options: object) -> tuple[int, str]:
    """Exit code and output of a command."""
    try:
        call_command(name, **options)
    except SystemExit as code:
        return int(str(code)), capsys.readouterr().out
    return 0, capsys.readouterr().out


def test_a_sound_log_gives_no_findings(own: Ledger, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("verify_log", capsys) == (0, "3 leaves, 1 checkpoints, 0 from elsewhere: 0 problems\n")


def test_the_exit_code_and_the_place_say_what_is_wrong(own: Ledger, capsys: pytest.CaptureFixture[str]) -> None:
    spoil(own)

    code, out = run("verify_log", capsys, json=True)

    report = json.loads(out)
    assert (code, report["exit_code"], report["count"]) == (12, 12, 1)
    assert report["problems"][0]["log_index"] == 2
    code, out = run("verify_log", capsys)
    assert code == 12
    assert out.startswith("leaf_mismatch at log index 2: the event is not the one that was sealed evt_")


def test_a_checkpoint_that_was_saved_is_compared(
    own: Ledger, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    saved = tmp_path / "saved.note"
    saved.write_text(receipts.head().note)
    as_owner("DELETE FROM log_checkpoint; DELETE FROM log_leaf; DELETE FROM log_event WHERE type = 'credits.minted'")
    forget_the_size()
    sealing.seal()

    assert run("verify_log", capsys)[0] == 0
    code, out = run("verify_log", capsys, checkpoint=[saved])
    assert (code, "a saved checkpoint covers 3 leaves; there are 2" in out) == (11, True)
    saved.write_text(saved.read_text().replace("\n3\n", "\n2\n"))
    assert run("verify_log", capsys, checkpoint=[saved])[0] == 10


def test_the_nightly_check_raises_an_alarm_until_it_is_clean_again(own: Ledger) -> None:
    spoil(own)
    tasks.verify_log()
    tasks.verify_log()
    sealing.seal()
    (finding,) = findings.unresolved()
    assert finding.kind == "verification_failed"
    assert finding.event is None
    assert status.status().alarms == ["verification_failed: 1 open"]
    as_owner("UPDATE journal_posting SET amount = amount / 2")

    tasks.verify_log()

    assert status.status().alarms == []


def test_an_export_of_everything_is_for_the_auditor(own: Ledger, tmp_path: Path) -> None:
    other = Ledger()
    other.open("bob")
    call_command("seal")

    call_command("export_log", output=tmp_path / "all.jsonl")

    (tmp_path / "jwks.json").write_text(json.dumps({"keys": [key.jwk() for key in signing.published()]}))
    report = ledger_verify("log", tmp_path / "all.jsonl", "--jwks", tmp_path / "jwks.json")
    assert (report["ok"], report["events"], report["size"]) == (True, 5, 5)


def test_an_export_of_one_tenant_hides_the_others(own: Ledger, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    other = Ledger()
    other.open("bob")
    call_command("seal")
    capfdbinary.readouterr()

    call_command("export_log", tenant=Tenant.objects.get(pk=other.tenant).slug)

    *lines, last = map(json.loads, capfdbinary.readouterr().out.splitlines())
    assert [line["event"] is None for line in lines] == [True, True, True, False, False]
    assert last == {"checkpoint": receipts.head().note}
    with pytest.raises(CommandError, match="there is no tenant 'nobody'"):
        call_command("export_log", tenant="nobody")


def test_seal_says_what_it_did(own: Ledger, capsys: pytest.CaptureFixture[str]) -> None:
    own.open("bob")
    call_command("seal", json=True)
    assert json.loads(capsys.readouterr().out) == {"sealed": 1, "size": 4}
    as_owner("DELETE FROM log_leaf WHERE log_index = 3")
    with pytest.raises(CommandError, match="there are 3 leaves"):
        call_command("seal")


def test_the_metrics_tell_how_the_log_fares(own: Ledger) -> None:
    own.open("bob")

    text = generate_latest(REGISTRY).decode()

    assert "ledger_log_size 3.0" in text
    (lag,) = [line for line in text.splitlines() if line.startswith("ledger_sealing_lag_seconds ")]
    assert 0 < float(lag.split()[1]) < 60


def test_a_log_four_times_as_long_takes_no_more_memory(own: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verification, "BATCH", 100)

    def peak(events: int) -> int:
        """Bytes that verifying takes at most, when the log has this many more events."""
        own.execute(*(own.call("mint", account="alice", amount=1) for _ in range(events)))
        sealing.seal()
        tracemalloc.start()
        try:
            assert verification.verify().problems == []
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(10)  # what is loaded and prepared once
    short = peak(390)
    peak(800)

    assert peak(400) < 1.2 * short, "of 1,600 events, and of 400"
