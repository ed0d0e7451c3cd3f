"""API keys: issued once, revoked for good."""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from accounts.books import AccountBooks
from accounts.errors import AccountNotFound, ApiKeyNotFound, ApiKeyRevoked, UnknownScope
from accounts.fields import AccountRef
from accounts.keys import ApiKeyRow
from ledger_project.kernel import ids
from ledger_project.kernel.fields import IdField, ListField, Text, TextField, WholeNumberField
from ledger_project.log.command import COMMANDS, command
from ledger_project.web.permissions import NO_COMMANDS

YEARS_10 = 10 * 366 * 24 * 3600

ApiKeyId = Annotated[UUID, IdField("key", "api_key")]
Scopes = Annotated[list[str], ListField(TextField(maximum=100), maximum=100, minimum=1)]
Lifetime = Annotated[int, WholeNumberField(1, YEARS_10)]
Prefix = Annotated[str, TextField(pattern=r"[0-9a-f]{12}")]
Digest = Annotated[str, TextField(pattern=r"[0-9a-f]{64}")]


@command(event="api_key.issued", refuses=(UnknownScope, AccountNotFound), secrets=("prefix", "digest"))
def issue_api_key(
    books: AccountBooks,
    *,
    name: Text,
    scopes: Scopes,
    prefix: Prefix,
    digest: Digest,
    expires_in: Lifetime | None = None,
    account: AccountRef | None = None,
) -> None:
    """Issue an API key with scopes, for `expires_in` seconds or for good; `account` says whose key it is.

    The interface makes the secret and gives its SHA-256; the secret itself is never here.
    """
    for scope in scopes:
        if scope not in known_scopes():
            raise UnknownScope(scope=scope)
    holder = books.account(account).facts.id if account is not None else None
    key = ApiKeyRow(
        id=books.new_id(),
        name=name,
        prefix=prefix,
        digest=bytes.fromhex(digest),
        scopes=scopes,
        account=holder,
        created_at=books.now,
        expires_at=books.now + timedelta(seconds=expires_in) if expires_in else None,
        revoked_at=None,
    )
    books.result["api_key"] = books.add(key).document()


@command(event="api_key.revoked", refuses=(ApiKeyNotFound, ApiKeyRevoked))
def revoke_api_key(books: AccountBooks, *, api_key: ApiKeyId) -> None:
    """Revoke an API key for good. A process that used it a moment ago may believe it for seconds more."""
    key = books.find(ApiKeyRow, api_key)
    if key is None:
        raise ApiKeyNotFound(api_key=ids.show("key", api_key))
    if key.revoked_at is not None:
        raise ApiKeyRevoked(api_key=ids.show("key", api_key))
    key.revoked_at = books.now
    key.changed = True
    books.result["api_key"] = key.document()


def known_scopes() -> set[str]:
    """Every scope that means something."""
    permissions = {declared.permission for declared in COMMANDS.values()}
    return permissions | {f"{permission.partition('.')[0]}.*" for permission in permissions} | NO_COMMANDS
