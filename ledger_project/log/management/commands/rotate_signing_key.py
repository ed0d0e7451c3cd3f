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
from ledger_project.log.signing import NoSigningKey
from ledger_project.log.tree import LogAltered


class Command(BaseCommand):
    help = (
        "Replace the key that signs the log. Both keys sign the head of the log once; the old one stays published with "
        "its dates. A key in a file is replaced there; one in LEDGER_SIGNING_KEY you replace yourself, afterwards."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.epilog = "Example: manage.py rotate_signing_key"
        parser.add_argument("--to", metavar="PEM", type=Path, help="the new key (default: one that is made)")
        parser.add_argument("--old-key-is-lost", action="store_true", help="go on without the old key's signature")

    def handle(self, *args: Any, **options: Any) -> None:
        place = settings.SIGNING_KEY
        coming = place.with_name(f"{place.name}.next") if isinstance(place, Path) else None
        try:
            if coming and coming.exists() and _is_in_use(coming):
                # The last run ended between the record and the file.
                coming.replace(place)
                self.stdout.write("finished the rotation that was begun")
                return
            new = self._new_key(options["to"], coming)
            rotation.rotate(new, old_is_lost=options["old_key_is_lost"])
        except (OSError, UnusableKey, NoSigningKey, LogAltered, SealerBusy) as error:
            raise CommandError(str(error)) from error
        kid = signing.kid_of(signing.named(new))
        if coming:
            coming.replace(place)
            self.stdout.write(f"{kid} signs the log, from {place}")
        else:
            self.stdout.write(f"{kid} signs the log. Nothing is sealed until LEDGER_SIGNING_KEY holds it.")

    def _new_key(self, given: Path | None, coming: Path | None) -> Ed25519PrivateKey:
        """The new key, which stands in a file before anything depends on it."""
        if given is None and coming is None:
            raise CommandError("the key comes from LEDGER_SIGNING_KEY: give the new one with --to")
        new = keys.load_private_key(given) if given else Ed25519PrivateKey.generate()
        if coming:
            pem = new.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            coming.unlink(missing_ok=True)
            with os.fdopen(os.open(coming, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(pem)
                file.flush()
                os.fsync(file.fileno())
        return new


def _is_in_use(path: Path) -> bool:
    kid = signing.kid_of(signing.named(keys.load_private_key(path)))
    return SigningKey.objects.filter(kid=kid, retired_at__isnull=True).exists()
