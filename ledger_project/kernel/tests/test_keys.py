from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from joserfc.jwk import OKPKey

from ledger_project.kernel.keys import (
    PublishedKey,
    UnusableKey,
    jwks,
    load_private_key,
    load_public_key,
    thumbprint,
)

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key().public_bytes_raw()
PEM = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
PUBLIC_PEM = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
CURVE_KEY = ec.generate_private_key(ec.SECP256R1())


def test_thumbprint_of_rfc_8037() -> None:
    public_key = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
    assert thumbprint(public_key) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def test_thumbprint_and_jwk_agree_with_a_jose_library() -> None:
    published = PublishedKey(PUBLIC)
    imported = OKPKey.import_key({**published.jwk()})
    assert imported.thumbprint() == published.kid
    assert imported.raw_value == KEY.public_key()


@pytest.mark.parametrize("text", [PEM, f"\n{PEM}\n", PEM.replace("\n", "\\n")])
def test_a_private_key_is_read_from_text(text: str) -> None:
    assert load_private_key(text).private_bytes_raw() == KEY.private_bytes_raw()


def test_keys_are_read_from_files(tmp_path: Path) -> None:
    private, public = tmp_path / "signing.pem", tmp_path / "public.pem"
    private.write_text(PEM)
    public.write_text(PUBLIC_PEM)
    assert load_private_key(private).private_bytes_raw() == KEY.private_bytes_raw()
    assert load_private_key(str(private)).private_bytes_raw() == KEY.private_bytes_raw()
    assert load_public_key(public) == load_public_key(PUBLIC_PEM) == PUBLIC


@pytest.mark.parametrize(
    "text",
    [
        PUBLIC_PEM,
        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----",
        KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")).decode(),
        CURVE_KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
    ],
)
def test_other_private_keys_are_refused(text: str) -> None:
    with pytest.raises(UnusableKey):
        load_private_key(text)


@pytest.mark.parametrize(
    "text", [PEM, CURVE_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()]
)
def test_other_public_keys_are_refused(text: str) -> None:
    with pytest.raises(UnusableKey):
        load_public_key(text)


def test_a_retired_key_stays_in_the_set_with_its_dates() -> None:
    born, retired = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 6, 1, 12, tzinfo=UTC)
    old = PublishedKey(PUBLIC, not_before=born, retired_at=retired)
    new = PublishedKey(bytes(32), not_before=retired)

    document = jwks([old, new])

    assert document["keys"][0] == {
        "kty": "OKP",
        "crv": "Ed25519",
        "x": "A6EHv_POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg",
        "kid": old.kid,
        "use": "sig",
        "alg": "Ed25519",
        "not_before": "2026-01-01T00:00:00.000000Z",
        "retired_at": "2026-06-01T12:00:00.000000Z",
    }
    assert "retired_at" not in document["keys"][1]
    assert [PublishedKey.from_jwk(one) for one in document["keys"]] == [old, new]


@pytest.mark.parametrize(
    "change",
    [
        {"kty": "EC"},
        {"crv": "X25519"},
        {"x": "A6EHv"},
        {"x": "A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg"},
        {"x": None},
        {"kid": "another"},
        {"retired_at": "yesterday"},
        {"retired_at": "2026-06-01"},
    ],
)
def test_other_jwks_are_refused(change: dict[str, str]) -> None:
    with pytest.raises(UnusableKey):
        PublishedKey.from_jwk({**PublishedKey(PUBLIC).jwk(), **change})
