"""The secrets of an embedded installation, made on its first start and readable by its user alone."""

import os
import secrets
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat


def make_missing(home: Path) -> None:
    """Make Django's secret key, the token of /metrics and the Ed25519 key that signs checkpoints (PKCS8, PEM)."""
    for secret in (home / "secret_key", home / "metrics_token"):
        if not secret.exists():
            write_private(secret, secrets.token_urlsafe(48) + "\n")
    signing = home / "signing_key.pem"
    if not signing.exists():
        key = Ed25519PrivateKey.generate()
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        write_private(signing, pem.decode("ascii"))


def write_private(path: Path, text: str) -> None:
    """Write a file of mode 0600 in one step: a reader finds the old one or the whole new one."""
    partial = path.with_name(f"{path.name}.partial")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
