"""Ed25519 keys: read from PEM, named by their RFC 7638 thumbprint, published as JWK (RFC 8037).

A key that was retired stays in the published set with its dates, as what it signed must verify for ever.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from ledger_project.kernel.clock import stamp


class UnusableKey(ValueError):
    """The text is not an Ed25519 key in the form that was asked for."""


@dataclass(frozen=True, slots=True)
class PublishedKey:
    """A public key and the time in which it signed: from `not_before` on, and no more since `retired_at`."""

    public_key: bytes
    not_before: datetime | None = None
    retired_at: datetime | None = None

    @property
    def kid(self) -> str:
        return thumbprint(self.public_key)

    def jwk(self) -> dict[str, str]:
        """The key as RFC 8037 writes it; `alg` is the fully specified name of RFC 9864, as `EdDSA` is deprecated."""
        document = {**_essence(self.public_key), "kid": self.kid, "use": "sig", "alg": "Ed25519"}
        if self.not_before is not None:
            document["not_before"] = stamp(self.not_before)
        if self.retired_at is not None:
            document["retired_at"] = stamp(self.retired_at)
        return document

    @classmethod
    def from_jwk(cls, document: dict[str, Any]) -> Self:
        """The key that `jwk` wrote; UnusableKey for another kind of key, or a `kid` that is not its thumbprint."""
        try:
            public_key = _unpadded_decode(document["x"])
            key = cls(public_key, _date(document.get("not_before")), _date(document.get("retired_at")))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise UnusableKey(f"not a JWK of an Ed25519 key: {error}") from error
        if _essence(public_key) != {name: document.get(name) for name in ("crv", "kty", "x")} or len(public_key) != 32:
            raise UnusableKey("not a JWK of an Ed25519 key")
        if document.get("kid", key.kid) != key.kid:
            raise UnusableKey("the kid of the JWK is not the thumbprint of its key")
        return key


def thumbprint(public_key: bytes) -> str:
    """The key id of RFC 7638 (for this key type RFC 8037, appendix A.3)."""
    essence = json.dumps(_essence(public_key), sort_keys=True, separators=(",", ":"))
    return _unpadded(hashlib.sha256(essence.encode()).digest())


def jwks(keys: Iterable[PublishedKey]) -> dict[str, list[dict[str, str]]]:
    return {"keys": [key.jwk() for key in keys]}


def load_private_key(pem: str | Path) -> Ed25519PrivateKey:
    """The signing key from PKCS#8 PEM: a path, or the text itself as an environment variable holds it."""
    try:
        key = load_pem_private_key(_pem(pem), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        # The parser's own words stay out of the message: they could quote the secret.
        raise UnusableKey("not an unencrypted private key in PEM") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise UnusableKey("a private key, but not an Ed25519 one")
    return key


def load_public_key(pem: str | Path) -> bytes:
    """The 32 bytes of a public key from PEM."""
    try:
        key = load_pem_public_key(_pem(pem))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise UnusableKey("not a public key in PEM") from error
    if not isinstance(key, Ed25519PublicKey):
        raise UnusableKey("a public key, but not an Ed25519 one")
    return key.public_bytes_raw()


def _pem(pem: str | Path) -> bytes:
    if isinstance(pem, str) and pem.lstrip().startswith("-----BEGIN"):
        # Many tools can only put one line into a variable, and write the line breaks as \n.
        return pem.strip().replace("\\n", "\n").encode()
    return Path(pem).read_bytes()


def _essence(public_key: bytes) -> dict[str, str]:
    return {"crv": "Ed25519", "kty": "OKP", "x": _unpadded(public_key)}


def _date(text: str | None) -> datetime | None:
    if text is None:
        return None
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text} has no time zone")
    return moment


def _unpadded(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def _unpadded_decode(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError("x is not base64url") from error
