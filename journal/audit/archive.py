"""The audit archive: all that somebody needs to check the books of a period without the ledger, in one ZIP file.

The log of the tenant up to one checkpoint, tables that follow from it, the keys, the verifier, and a manifest that
names every file by its SHA-256 and is signed with the log's key as a C2SP signed note. The same tenant, period and
checkpoint give the same bytes.
"""

import hashlib
import json
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from django.conf import settings

from accounts.models import Tenant
from journal.audit import tables
from journal.audit.tables import Books
from journal.errors import CannotSignArchive
from journal.exports.reading import Period
from ledger_project.kernel import clock, keys, notes
from ledger_project.log import export, receipts, signing
from ledger_project.log.models import Checkpoint
from ledger_project.log.signing import NoSigningKey

README = Path(__file__).with_name("README.txt")
VERIFIER = settings.BASE_DIR / "client" / "src" / "ledger_client" / "verify.py"
TITLE = "audit archive, version 1"  # no log has a name with spaces, so this never passes for a checkpoint
MANIFEST, LOG = "MANIFEST", "log.jsonl"


def file_name(tenant: Tenant, period: str) -> str:
    return f"audit-{tenant.slug}-{period}.zip"


def make(tenant: Tenant, period: str) -> IO[bytes]:
    """The archive of a year, a month or a day (2026, 2026-10, 2026-10-31), to be read and closed, which removes it.

    Refuses: InvalidRequest, LogEmpty, CannotSignArchive.
    """
    asked = Period.named(period)
    head = receipts.head()
    with tempfile.TemporaryDirectory(prefix="audit-") as name:
        root = Path(name)
        _write_tables(root, head, tenant, asked)
        _write_proofs(root, head, asked)
        _write_beside(root, head, tenant, period)
        (root / MANIFEST).write_text(_signed(_manifest(root, head, tenant, asked)), "utf-8")
        return _packed(root, Path(file_name(tenant, period)).stem)


def _write_tables(root: Path, head: Checkpoint, tenant: Tenant, period: Period) -> None:
    books = Books(*map(clock.stamp, bounds(period)))
    with (root / LOG).open("wb") as file:
        for line in export.lines(head, tenant.pk):
            file.write(line)
            # One whose rows are lost is empty, and for the verifier to find.
            if event := json.loads(line).get("event"):
                books.take(event)
    tables.write(root / "accounts.csv", tables.ACCOUNTS, books.chart())
    tables.write(root / "trial-balance-opening.csv", tables.BALANCES, books.opening())
    tables.write(root / "trial-balance-closing.csv", tables.BALANCES, books.closing())
    # An account may be opened behind its first posting in the log, so names are known when all of it was read.
    tables.write(root / "postings.csv", tables.POSTINGS, _postings(root / LOG, books))


def _postings(log: Path, books: Books) -> Iterator[tables.Row]:
    with log.open("rb") as file:
        for line in file:
            leaf = json.loads(line)
            if "log_index" in leaf:
                yield from books.postings(leaf)


def _write_proofs(root: Path, head: Checkpoint, period: Period) -> None:
    """The newest checkpoints at both ends of the period, and the proofs that the newest of all extends them."""
    (root / "checkpoints").mkdir()
    (root / "consistency").mkdir()
    (root / "checkpoints" / "newest.note").write_text(head.note, "utf-8")
    for name, moment in zip(("opening", "closing"), bounds(period), strict=True):
        origin = head.note.partition("\n")[0] + "\n"  # a log that began anew after a restore has other checkpoints, too
        earlier = Checkpoint.objects.filter(recorded_at__lt=moment, pk__lt=head.pk, note__startswith=origin)
        if found := earlier.order_by("-pk").first():
            proof = receipts.consistency(found.size, head.size)
            (root / "checkpoints" / f"{name}.note").write_text(found.note, "utf-8")
            (root / "consistency" / f"{name}-newest.json").write_text(json.dumps(proof) + "\n", "utf-8")


def _write_beside(root: Path, head: Checkpoint, tenant: Tenant, period: str) -> None:
    jwks = keys.jwks(signing.published())
    (root / "jwks.json").write_text(json.dumps(jwks, indent=2) + "\n", "utf-8")
    shutil.copyfile(VERIFIER, root / "verify.py")
    said: dict[str, Any] = {"slug": tenant.slug, "period": period, "size": head.size}
    said |= {"recorded_at": clock.stamp(head.recorded_at), "origin": head.note.partition("\n")[0]}
    (root / "README.txt").write_text(README.read_text("utf-8").format(**said), "utf-8")


def _manifest(root: Path, head: Checkpoint, tenant: Tenant, period: Period) -> str:
    since, until = map(clock.stamp, bounds(period))
    origin, size, tree = head.note.split("\n")[:3]
    listed = [f"{_digest(root / name)}  {name}" for name in names(root)]
    said = [TITLE, origin, size, tree, f"tenant ten_{tenant.pk} {tenant.slug}", f"from {since}", f"to {until}"]
    return "\n".join([*said, *listed]) + "\n"


def _signed(text: str) -> str:
    """The text as a signed note. Refuses: CannotSignArchive."""
    try:
        signer = signing.signer()
        signing.require_in_use(signer)
    except NoSigningKey as error:
        raise CannotSignArchive(reason=str(error)) from error
    return notes.sign_note(text, [signer])


def bounds(period: Period) -> tuple[Any, Any]:
    """Both ends of a named period, which has them."""
    return period.since, period.until


def names(root: Path) -> list[str]:
    """Every file below, in one order."""
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _packed(root: Path, folder: str) -> IO[bytes]:
    """A ZIP of the files under one folder; without the time of making, so that the same files are the same bytes."""
    packed = tempfile.TemporaryFile()  # noqa: SIM115 (for the caller to close)
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names(root):
            about = zipfile.ZipInfo(f"{folder}/{name}")
            about.compress_type, about.external_attr = zipfile.ZIP_DEFLATED, 0o100644 << 16
            about.file_size = (root / name).stat().st_size
            with (root / name).open("rb") as file, archive.open(about, "w") as target:
                shutil.copyfileobj(file, target)
    packed.seek(0)
    return packed
