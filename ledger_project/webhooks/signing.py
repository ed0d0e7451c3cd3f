"""Signatures of deliveries, as Standard Webhooks 1.0 writes them, and the secrets behind them.

Every delivery has a `v1` signature (HMAC-SHA256) for each live secret of its endpoint, and a `v1a` signature (Ed25519)
by the deployment's signing key, which a receiver can show to others. Secrets are kept encrypted under keys made from
Django's secret key and its fallbacks, so a copy of the database signs nothing.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings

SECRET_BYTES = 32


class UnreadableSecret(Exception):
    """A stored secret cannot be decrypted: Django's secret key was changed and the old one not kept as a fallback."""


def make_secret() -> bytes:
    return secrets.token_bytes(SECRET_BYTES)


def show_secret(secret: bytes) -> str:
    """The form that is given to the receiver, once."""
    return f"whsec_{base64.b64encode(secret).decode()}"


def show_public_key(public_key: bytes) -> str:
    return f"whpk_{base64.b64encode(public_key).decode()}"


def seal(secret: bytes) -> str:
    """The secret as it is stored."""
    return _box(_keys()).encrypt(secret).decode()


def unseal(sealed: str) -> bytes:
    """The secret behind what is stored. Raises UnreadableSecret."""
    try:
        return _box(_keys()).decrypt(sealed)
    except InvalidToken as error:
        raise UnreadableSecret() from error


def headers(
    message_id: str, timestamp: int, body: bytes, secrets_: Iterable[bytes], key: Ed25519PrivateKey
) -> dict[str, str]:
    """The three headers of one attempt; `timestamp` is that of the attempt, in POSIX seconds."""
    content = f"{message_id}.{timestamp}.".encode() + body
    signatures = [f"v1,{_base64(hmac.digest(secret, content, hashlib.sha256))}" for secret in secrets_]
    signatures.append(f"v1a,{_base64(key.sign(content))}")
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signatures),
    }


def _keys() -> tuple[str, ...]:
    return (settings.SECRET_KEY, *map(str, settings.SECRET_KEY_FALLBACKS))


@lru_cache(maxsize=4)
def _box(keys: tuple[str, ...]) -> MultiFernet:
    digests = (hashlib.sha256(b"ledger webhook secrets\0" + key.encode()).digest() for key in keys)
    return MultiFernet([Fernet(base64.urlsafe_b64encode(digest)) for digest in digests])


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()
