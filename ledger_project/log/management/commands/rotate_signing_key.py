"""Replace the key that signs the log."""

import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from ledger_project.kernel import keys
from ledger_project.kernel.keys import UnusableKey
from ledger_project.log import rotation, signing
from ledger_project.log.models import SigningKey
from ledger_project.log.rotation import SealerBusy
from ledger_project.log.sealer import NoSealer
from ledger_project.log.signing import NoSigningKey
from ledger_project.log.tree import LogAltered


class Command(BaseCommand):
    help = (
        "Replace the key that signs the log. Both keys sign the head of the log once; the old one stays published with "
        "its dates. The new key is made and put into the file of the old one; where you give it with --to, you put it "
        "there, or into LEDGER_SIGNING_KEY, afterwards."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.epilog = "Example: manage.py rotate_signing_key"
        parser.add_argument("--to", metavar="PEM", type=Path, help="the new key (default: make one)")
        parser.add_argument("--old-key-is-lost", action="store_true", help="go on without the old key's signature")

    def handle(self, *args: Any, **options: Any) -> None:
        place = settings.SIGNING_KEY
        try:
            if options["to"]:
                self._rotate(keys.load_private_key(options["to"]), options)
                self.stdout.write("Nothing is sealed until the configured key is this one.")
            elif isinstance(place, Path):
                self._replace(place, options)
            else:
                raise CommandError("the key comes from LEDGER_SIGNING_KEY: give the new one with --to")
        except (OSError, UnusableKey, NoSealer, NoSigningKey, LogAltered, SealerBusy) as error:
            raise CommandError(str(error)) from error

    def _replace(self, place: Path, options: dict[str, Any]) -> None:
        """Rotate to a key that stands beside the old one before anything depends on it, and then in its place."""
        coming = place.with_name(f"{place.name}.next")
        if coming.exists() and _is_in_use(coming):
            self.stdout.write("The last run ended between the record and the file; it is finished now.")
        else:
            new = Ed25519PrivateKey.generate()
            _write(coming, new.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
            self._rotate(new, options)
        coming.replace(place)

    def _rotate(self, new: Ed25519PrivateKey, options: dict[str, Any]) -> None:
        rotation.rotate(new, old_is_lost=options["old_key_is_lost"])
        self.stdout.write(f"The log is signed by {signing.kid_of(signing.named(new))}.")


def _write(path: Path, pem: bytes) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(pem)
        file.flush()
        os.fsync(file.fileno())


def _is_in_use(path: Path) -> bool:
    kid = signing.kid_of(signing.named(keys.load_private_key(path)))
    return SigningKey.objects.filter(kid=kid, retired_at__isnull=True).exists()
