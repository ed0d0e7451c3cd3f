"""The audit archive of a period: unpacked anywhere and checked offline, and whatever was changed in it is found."""

import csv
import hashlib
import io
import re
import shutil
import subprocess
import sys
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from accounts.models import Tenant
from journal.as_of import MICROSECOND, Cut
from journal.audit import archive
from journal.trial_balance import trial_balance
from ledger_project.kernel import clock, notes
from ledger_project.log import sealing, signing
from ledger_project.testing.api import Api, refused
from ledger_project.testing.ledger import Ledger
from ledger_project.testing.offline import ledger_verify
from ledger_project.testing.staff import boss, staff

pytestmark = pytest.mark.slow

OCTOBER = datetime(2099, 10, 1, tzinfo=UTC), datetime(2099, 11, 1, tzinfo=UTC)
FILES = [
    "MANIFEST",
    "README.txt",
    "accounts.csv",
    "checkpoints/closing.note",
    "checkpoints/newest.note",
    "checkpoints/opening.note",
    "consistency/closing-newest.json",
    "consistency/opening-newest.json",
    "jwks.json",
    "log.jsonl",
    "postings.csv",
    "trial-balance-closing.csv",
    "trial-balance-opening.csv",
    "verify.py",
]


def story() -> Ledger:
    """Alice pays Bob at both ends of October, before and after; EUR has cents. The log was signed on the way, too.

    The year is to come, so that the log's checkpoints, which are of the day of the test, are before it.
    """
    Ledger().open("mallory", funded=666)
    ledger = Ledger()
    sealing.seal()
    ledger.open("alice", 'Bob; "B", =1', funded=100, type="liability")
    ledger.run("register_currency", code="EUR", scale=2)
    ledger.open("cash", type="asset", currency="EUR", unbounded=True)
    ledger.open("shop", currency="EUR", metadata={"b": 1, "a": "é"})
    days = {"2099-09-30T23:59:59.999999Z": 1, "2099-10-01T00:00:00Z": 20, "2099-11-01T00:00:00Z": 7}
    for moment, amount in {**days, "2099-10-31T23:59:59.999999Z": 3}.items():
        told = {"job_id": f"j,{amount}", "description": 'a, "line"', "effective_at": moment}
        ledger.run("transfer", from_account="alice", to_account='Bob; "B", =1', amount=amount, **told)
    legs = [{"account": "cash", "amount": 10**37 + 5}, {"account": "shop", "amount": -(10**37) - 5}]
    ledger.run("post_entry", postings=legs, effective_at="2099-10-15T12:00:00Z", metadata={"n": 1, "ok": True})
    sealing.seal()
    return ledger


@pytest.fixture
def keys(tmp_path):
    """The ledger's keys, as an auditor has kept them."""
    path = tmp_path / "kept.json"
    path.write_bytes(Client().get("/.well-known/jwks.json").content)
    return path


def tenant_of(books: Ledger) -> Tenant:
    return Tenant.objects.get(pk=books.tenant)


@pytest.fixture
def books():
    return story()


@pytest.fixture(scope="module")
def told(django_db_setup, django_db_blocker):
    """The same story for all tests that only read it."""
    with django_db_blocker.unblock():
        yield story()


@pytest.fixture(scope="module")
def october(told, django_db_blocker, tmp_path_factory):
    """The archive of October, unpacked once."""
    desk = tmp_path_factory.mktemp("october")
    with django_db_blocker.unblock(), archive.make(tenant_of(told), "2099-10") as made:
        zipfile.ZipFile(made).extractall(desk)
    return next(desk.iterdir())


@pytest.fixture
def unpacked(october, tmp_path):
    """The archive of October, in a directory that has nothing else."""
    return Path(shutil.copytree(october, tmp_path / "desk" / october.name))


def rows(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))[1:]


def signed_anew(root: Path) -> None:
    """The manifest over what is there now, as nobody can make it but who has the log's key."""
    head = (root / "MANIFEST").read_text("utf-8").split("\n")[:7]
    names = [name for name in archive.names(root) if name != "MANIFEST"]
    sums = [f"{hashlib.sha256((root / name).read_bytes()).hexdigest()}  {name}" for name in names]
    note = notes.sign_note("\n".join([*head, *sums]) + "\n", [signing.signer()])
    (root / "MANIFEST").write_text(note, "utf-8")


def test_the_archive_convinces_its_own_verifier_in_an_empty_directory(unpacked):
    assert unpacked.name.startswith("audit-t-")
    assert unpacked.name.endswith("-2099-10")
    assert archive.names(unpacked) == FILES
    words = [sys.executable, "-I", "verify.py", "archive", ".", "--jwks", "jwks.json"]

    done = subprocess.run(words, cwd=unpacked, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")
    checks = done.stdout.splitlines()
    assert checks[1] == "ok    13 files are the ones that were signed, and there is no other"
    assert checks[-4:] == [
        "ok    accounts.csv: 5 rows follow from the log",
        "ok    trial-balance-opening.csv: 4 rows follow from the log",
        "ok    trial-balance-closing.csv: 7 rows follow from the log",
        "ok    postings.csv: 6 rows follow from the log",
    ]
    assert archive.names(unpacked) == FILES  # it may be run again


def test_the_commands_of_the_readme_work(unpacked):
    text = (unpacked / "README.txt").read_text("utf-8").replace("\\\n", "")
    said = [line.split() for line in text.splitlines() if line.startswith("    python3 verify.py")]
    offered = [words for words in said if "--key" not in words]
    assert [words[2] for words in offered] == ["archive", "log", "checkpoint"]

    for words in offered:
        done = subprocess.run([sys.executable, *words[1:]], cwd=unpacked, capture_output=True, text=True, check=False)
        assert done.returncode == 0, (words, done.stderr)


def test_the_tables_are_those_of_the_ledger(told, unpacked):
    """The trial balances as another part of the ledger has them, from its stored balances and not from the log."""
    for name, moment in zip(("opening", "closing"), OCTOBER, strict=True):
        found = rows(unpacked / f"trial-balance-{name}.csv")
        ours = trial_balance(told.tenant, Cut(as_of=moment - MICROSECOND), depth=16)
        totals = {(row[0], int(row[5]), int(row[6])) for row in found if row[4] == "total"}
        assert totals == {(side.currency, side.total.debit, side.total.credit) for side in ours if side.total.debit}

    *closing, _ = (row[:2] + row[3:] for row in rows(unpacked / "trial-balance-closing.csv") if row[0] == "EUR")
    assert closing == [
        ["EUR", "2", "cash", "asset", f"{10**37 + 5}", "0", f"{10**35}.05"],
        ["EUR", "2", "shop", "liability", "0", f"{10**37 + 5}", f"{10**35}.05"],
    ]
    postings = rows(unpacked / "postings.csv")
    assert [(row[3], row[9], row[14], row[15]) for row in postings] == [
        ("2099-10-01T00:00:00.000000Z", "alice", "20", "20"),
        ("2099-10-01T00:00:00.000000Z", 'Bob; "B", =1', "-20", "-20"),
        ("2099-10-31T23:59:59.999999Z", "alice", "3", "3"),
        ("2099-10-31T23:59:59.999999Z", 'Bob; "B", =1', "-3", "-3"),
        ("2099-10-15T12:00:00.000000Z", "cash", f"{10**37 + 5}", f"{10**35}.05"),
        ("2099-10-15T12:00:00.000000Z", "shop", f"-{10**37 + 5}", f"-{10**35}.05"),
    ]
    assert postings[0][5:7] == ['a, "line"', '{"job_id": "j,20"}']
    assert "mallory" not in (unpacked / "log.jsonl").read_text("utf-8")


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20"])
def test_a_spreadsheet_runs_nothing_of_it(keys, tmp_path, start):
    """A name and a description that begin like a formula, and the verifier that makes the same tables again."""
    ledger = Ledger()
    ledger.open("shop", f"{start}cmd|calc!A0", funded=100)
    day = "2099-10-02T00:00:00Z"
    ledger.run(
        "transfer",
        from_account=f"{start}cmd|calc!A0",
        to_account="shop",
        amount=5,
        effective_at=day,
        description=f"{start}1+1",
    )
    sealing.seal()
    with archive.make(tenant_of(ledger), "2099-10") as made:
        zipfile.ZipFile(made).extractall(tmp_path)
    [root] = tmp_path.glob("audit-*")

    for table in root.glob("*.csv"):
        for cell in (cell for row in rows(table) for cell in row):
            assert cell[:1] != start or re.fullmatch(r"-[0-9.]+", cell), table.name
    assert any(f"'{start}1+1" in row for row in rows(root / "postings.csv"))
    assert ledger_verify("archive", root, "--jwks", keys)["exit_code"] == 0


def flipped(whole: bytes) -> bytes:
    """One bit in the middle is another."""
    middle = len(whole) // 2
    return whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]


@pytest.mark.parametrize("name", FILES)
def test_one_flipped_bit_in_any_file_is_found(unpacked, keys, name):
    whole = (unpacked / name).read_bytes()
    (unpacked / name).write_bytes(flipped(whole))

    report = ledger_verify("archive", unpacked, "--jwks", keys)
    if name != "MANIFEST":
        assert (report["exit_code"], report["failure"]["name"]) == (15, name)
    assert report["exit_code"] in (2, 10, 15)


def test_a_file_that_was_added_or_is_missing_is_found(unpacked, keys):
    (unpacked / "corrections.csv").write_text("1")
    report = ledger_verify("archive", unpacked, "--jwks", keys)
    assert (report["exit_code"], report["failure"]["name"]) == (15, "corrections.csv")

    (unpacked / "corrections.csv").unlink()
    (unpacked / "postings.csv").unlink()
    report = ledger_verify("archive", unpacked, "--jwks", keys)
    assert (report["exit_code"], report["failure"]["message"]) == (15, "postings.csv is missing")


@pytest.mark.parametrize(
    ("name", "old", "new", "code"),
    [
        ("postings.csv", ",20,20\n", ",21,21\n", 13),
        ("postings.csv", "2099-10-31", "2099-10-30", 13),
        ("postings.csv", "value\n", "amount\n", 13),
        ("accounts.csv", ",asset,", ",expense,", 13),
        ("trial-balance-opening.csv", "alice,liability,0,99,99\n", "alice,liability,0,98,98\n", 13),
        ("trial-balance-closing.csv", ",total,200,200,", ",total,201,201,", 13),
        ("checkpoints/closing.note", "ledger", "lodger", 10),
        ("log.jsonl", "2099-10-15", "2099-11-15", 12),
    ],
)
def test_what_does_not_follow_from_the_log_is_found_even_if_the_ledger_signs_it(unpacked, keys, name, old, new, code):
    text = (unpacked / name).read_bytes().decode()
    assert old in text
    (unpacked / name).write_bytes(text.replace(old, new).encode())
    signed_anew(unpacked)

    assert ledger_verify("archive", unpacked, "--jwks", keys)["exit_code"] == code


def test_rows_that_the_ledger_leaves_out_or_makes_up_are_found(unpacked, keys):
    for change in (lambda lines: lines[:-1], lambda lines: [*lines, lines[-1]]):
        path = unpacked / "postings.csv"
        whole = path.read_text("utf-8")
        path.write_text("".join(change(whole.splitlines(keepends=True))), "utf-8")
        signed_anew(unpacked)
        assert ledger_verify("archive", unpacked, "--jwks", keys)["exit_code"] == 13
        path.write_text(whole, "utf-8")


def test_an_older_log_than_a_checkpoint_that_was_saved_is_found(told, unpacked, keys, tmp_path):
    told.open("later", currency="CRD")
    sealing.seal()
    saved = tmp_path / "saved.note"
    saved.write_bytes(Client().get("/log/checkpoint").content)

    assert ledger_verify("archive", unpacked, "--jwks", keys, "--prev-checkpoint", saved)["exit_code"] == 11


def test_the_same_period_under_the_same_checkpoint_is_the_same_archive(books):
    with archive.make(tenant_of(books), "2099-10") as one, archive.make(tenant_of(books), "2099-10") as other:
        assert one.read() == other.read()


def test_a_period_before_the_log_has_no_older_checkpoint(books, keys, tmp_path):
    with archive.make(tenant_of(books), "1999") as made, zipfile.ZipFile(made) as packed:
        packed.extractall(tmp_path)
    root = tmp_path / archive.file_name(tenant_of(books), "1999").removesuffix(".zip")

    assert [name for name in archive.names(root) if "/" in name] == ["checkpoints/newest.note"]
    assert rows(root / "postings.csv") == rows(root / "trial-balance-closing.csv") == []
    assert ledger_verify("archive", root, "--jwks", keys)["ok"]


def test_what_is_not_sealed_is_not_in_it(books, keys, tmp_path):
    moment = "2099-10-20T00:00:00Z"
    books.run("transfer", from_account="alice", to_account='Bob; "B", =1', amount=1, effective_at=moment)
    with archive.make(tenant_of(books), "2099-10-20") as made, zipfile.ZipFile(made) as packed:
        packed.extractall(tmp_path / "before")
    sealing.seal()
    with archive.make(tenant_of(books), "2099-10-20") as made, zipfile.ZipFile(made) as packed:
        packed.extractall(tmp_path / "after")

    counts = []
    for name in ("before", "after"):
        (root,) = (tmp_path / name).iterdir()
        assert ledger_verify("archive", root, "--jwks", keys)["ok"]
        counts.append(len(rows(root / "postings.csv")))
    assert counts == [0, 2]


def test_the_command_writes_it(books, keys, tmp_path):
    file = tmp_path / "a.zip"
    call_command("audit_export", tenant=tenant_of(books).slug, period="2099-10", output=file, stdout=io.StringIO())
    with zipfile.ZipFile(file) as packed:
        packed.extractall(tmp_path / "desk")
    (root,) = (tmp_path / "desk").iterdir()
    assert ledger_verify("archive", root, "--jwks", keys)["ok"]

    with pytest.raises(CommandError, match="there is no tenant 'nobody'"):
        call_command("audit_export", tenant="nobody", period="2099")
    with pytest.raises(CommandError, match="not a year, a month or a day"):
        call_command("audit_export", tenant=tenant_of(books).slug, period="2099-13")


def test_the_api_gives_the_archive_of_the_keys_own_tenant(books):
    api = Api(books)
    answer = api.get("/v1/audit-archive?period=2099-10")

    assert (answer.status_code, answer["Content-Type"], answer["Cache-Control"]) == (200, "application/zip", "no-store")
    slug = tenant_of(books).slug
    assert answer["Content-Disposition"] == f'attachment; filename="audit-{slug}-2099-10.zip"'
    with zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content))) as packed:
        assert packed.namelist() == [f"audit-{slug}-2099-10/{name}" for name in FILES]

    assert refused(api.get("/v1/audit-archive"), 422, "invalid_request")["field"] == "period"
    assert refused(api.get("/v1/audit-archive?period=../x"), 422, "invalid_request")["field"] == "period"
    assert refused(api.get("/v1/audit-archive?period=2099&month=1"), 422, "unknown_field")["field"] == "month"
    refused(api.client.get("/v1/audit-archive?period=2099"), 401, "not_authenticated")
    refused(Api(books, "journal.transfer").get("/v1/audit-archive?period=2099"), 403, "forbidden")


def test_without_the_signing_key_there_is_none(books, settings):
    settings.SIGNING_KEY = ""

    problem = refused(Api(books).get("/v1/audit-archive?period=2099-10"), 409, "cannot_sign_archive")
    assert problem["reason"] == "LEDGER_SIGNING_KEY is not set"


def test_the_back_office_offers_the_last_months_and_years(books, settings):
    page = f"/admin/accounts/tenant/{books.tenant}/change/"
    with clock.stopped(datetime(2099, 2, 3, tzinfo=UTC)):
        links = re.findall(r'href="([^"]+\.zip)"', boss().get(page).content.decode())
    base = f"/admin/journal/entry/audit/{books.tenant}/"
    periods = ["2099-02", "2099-01", "2098-12", "2098-11", "2098-10", "2098-09", "2099", "2098"]
    assert links == [f"{base}{period}.zip" for period in periods]

    answer = boss().get(links[0])
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/zip")
    assert b"".join(answer.streaming_content).startswith(b"PK")
    assert staff().get(links[0]).status_code == 403
    settings.SIGNING_KEY = ""
    told = boss().get(links[0], follow=True)
    assert told.redirect_chain == [(page, 302)]
    assert "LEDGER_SIGNING_KEY is not set" in told.content.decode()
