"""The key that signs the log: where it is read from, and the record of the keys that did.

The private key comes from the settings and is read anew for every use, so that a rotation needs no restart. The
database knows public keys and their dates only.
"""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS

from ledger_project.kernel import clock, keys, notes
from ledger_project.kernel.keys import PublishedKey, UnusableKey
from ledger_project.kernel.notes import Checkpoint, Signer, VerifierKey
from ledger_project.log import fence
from ledger_project.log.models import SigningKey
from ledger_project.log.sealer import SEALER


class NoSigningKey(Exception):
    """There is no signing key, or none that may sign this log."""


def signer() -> Signer:
    """The configured key under the log's name. Raises NoSigningKey."""
    if not settings.SIGNING_KEY:
        raise NoSigningKey("LEDGER_SIGNING_KEY is not set")
    return named(_load(settings.SIGNING_KEY))


def named(key: Ed25519PrivateKey) -> Signer:
    return Signer(settings.LOG_ORIGIN, key)


def _load(source: str | Path) -> Ed25519PrivateKey:
    try:
        return keys.load_private_key(source)
    except FileNotFoundError as error:
        raise NoSigningKey(f"{source} does not exist") from error
    except (OSError, UnusableKey) as error:
        raise NoSigningKey(f"the signing key cannot be read: {error}") from error


def take_into_use(signer: Signer) -> None:
    """Let a key seal that is the log's; the first one becomes so here. Raises NoSigningKey."""
    if SigningKey.objects.using(SEALER).exists():
        _require_current(signer, SEALER)
    else:
        begin_use(signer, clock.now())


def require_in_use(signer: Signer) -> None:
    """Let a key sign that is the log's, in a database that is no copy. Raises NoSigningKey."""
    if why := fence.reason():
        raise NoSigningKey(f"this copy is fenced: {why}")
    _require_current(signer, DEFAULT_DB_ALIAS)


def _require_current(signer: Signer, using: str) -> None:
    kid = kid_of(signer)
    keys = SigningKey.objects.using(using)
    current = keys.filter(retired_at__isnull=True).values_list("kid", flat=True).first()
    if current is None and not keys.exists():
        raise NoSigningKey("the log has no key yet: the first seal takes the configured one into use")
    if current != kid:
        raise NoSigningKey(
            f"the configured key {kid} is not the log's, which is {current}: `manage.py rotate_signing_key` replaces it"
        )


def begin_use(signer: Signer, moment: datetime) -> None:
    key = SigningKey(kid=kid_of(signer), public_key=signer.verifier.public_key, created_at=moment)
    key.save(using=SEALER, force_insert=True)


def kid_of(signer: Signer) -> str:
    return keys.thumbprint(signer.verifier.public_key)


def published(using: str = DEFAULT_DB_ALIAS) -> list[PublishedKey]:
    """Every key that ever signed, with its dates: what it signed verifies for ever."""
    rows = SigningKey.objects.using(using).order_by("created_at", "kid")
    return [PublishedKey(bytes(row.public_key), row.created_at, row.retired_at) for row in rows]


def open_note(note: str, keys: Iterable[bytes]) -> Checkpoint:
    """The checkpoint, if one of these public keys has signed it. Raises MalformedNote, UnverifiedNote.

    It may have been signed under another name: a log that began anew after a restore keeps its older checkpoints.
    """
    origin = note.partition("\n")[0]
    checkpoint, _ = notes.open_checkpoint(note, [VerifierKey(origin, key) for key in keys])
    return checkpoint


def public_keys(using: str = DEFAULT_DB_ALIAS) -> list[bytes]:
    """Every key that ever signed."""
    return [key.public_key for key in published(using)]
