"""Signing attestations as JWS: with the log's key, under its thumbprint (`/.well-known/jwks.json`)."""

import warnings

from cryptography.hazmat.primitives import serialization
from django.conf import settings
from joserfc import jws
from joserfc.errors import SecurityWarning
from joserfc.jwk import OKPKey

from ledger_project.log import signing
from ledger_project.log.signing import NoSigningKey
from reserves.errors import CannotAttest

TYPE = "reserve-attestation+jws"
ALGORITHMS = ("EdDSA", "Ed25519")  # one signature under its older and its newer name (RFC 8037, RFC 9864)

# The older name is the default because more libraries know it, whatever joserfc thinks of that.
warnings.filterwarnings("ignore", message="EdDSA is deprecated", category=SecurityWarning)


def sign(document: bytes) -> str:
    """The compact JWS over the document's bytes. Refuses: CannotAttest."""
    algorithm = settings.ATTESTATION_ALG
    if algorithm not in ALGORITHMS:
        raise CannotAttest(reason=f"ATTESTATION_ALG is {algorithm}, not one of {', '.join(ALGORITHMS)}")
    try:
        signer = signing.signer()
        signing.require_in_use(signer)
    except NoSigningKey as error:
        raise CannotAttest(reason=str(error)) from error
    pem = signer.private_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    header = {"alg": algorithm, "kid": signing.kid_of(signer), "typ": TYPE}
    return jws.serialize_compact(header, document, OKPKey.import_key(pem), algorithms=[algorithm])
