"""API keys: how one is made, and how the web layer finds it."""

import secrets
from dataclasses import dataclass

from django.db import connection

from ledger_project.log.documents import load_json
from ledger_project.web.api.authentication import Principal, digest_of


@dataclass(frozen=True, slots=True)
class NewKey:
    """A fresh key: the token to show once, and what of it is kept."""

    token: str
    prefix: str
    digest: str

    @classmethod
    def make(cls) -> "NewKey":
        prefix, secret = secrets.token_hex(6), secrets.token_hex(24)
        return cls(f"lk_{prefix}_{secret}", prefix, digest_of(secret).hex())


_KEY = """
SELECT tenant_id, id, prefix, scopes, account_id, expires_at, identity, lineage
  FROM accounts_apikey AS key
 WHERE digest = %s AND prefix = %s AND revoked_at IS NULL
   AND NOT EXISTS (SELECT FROM accounts_apikey AS above
                    WHERE above.id = ANY(key.lineage) AND above.revoked_at IS NOT NULL)
"""


def find(prefix: str, digest: bytes) -> Principal | None:
    """The key with this secret, unless it or a key above it is revoked; its expiry is for the caller to judge.

    No key lasts longer than those above it, which `key_outranks_issuer` sees to.
    """
    # Django's cursor notices a connection that died since the last request; it is asked once in a while, not each time.
    with connection.cursor() as cursor:
        cursor.execute(_KEY, (digest, prefix))
        found = cursor.fetchone()
    if found is None:
        return None
    tenant, key_id, found_prefix, scopes, account, expires_at, identity, lineage = found
    return Principal.of(
        tenant, key_id, found_prefix, load_json(scopes), account, expires_at, identity=identity, lineage=lineage
    )
