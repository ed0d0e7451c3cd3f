"""API keys: issued once, revoked for good."""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from accounts.books import AccountBooks
from accounts.errors import AccountNotFound, ApiKeyNotFound, ApiKeyRevoked, UnknownScope
from accounts.fields import AccountRef
from accounts.keys import ApiKeyRow
from ledger_project.kernel import ids
from ledger_project.kernel.errors import Forbidden
from ledger_project.kernel.fields import Flag, IdField, ListField, Text, TextField, WholeNumberField
from ledger_project.log.caller import RIGHTS
from ledger_project.log.command import COMMANDS, command
from ledger_project.web.api.permissions import NO_COMMANDS

YEARS_10 = 10 * 366 * 24 * 3600

ApiKeyId = Annotated[UUID, IdField("key", "api_key")]
Scopes = Annotated[list[str], ListField(TextField(maximum=100), maximum=100, minimum=1)]
Lifetime = Annotated[int, WholeNumberField(1, YEARS_10)]
Prefix = Annotated[str, TextField(pattern=r"[0-9a-f]{12}")]
Digest = Annotated[str, TextField(pattern=r"[0-9a-f]{64}")]


@command(
    event="api_key.issued",
    refuses=(UnknownScope, Forbidden, AccountNotFound),
    secrets=("prefix", "digest"),
    own=("account",),
)
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
    """Issue an API key with scopes, for `expires_in` seconds or for good; `account` binds it to one account.

    A key that issues another is its parent: the child has no scope and no account that the parent lacks, and ends when
    the parent does. The interface makes the secret and gives its SHA-256; the secret itself is never here.
    """
    issuer = books.caller
    for scope in scopes:
        if scope not in known_scopes():
            raise UnknownScope(scope=scope)
        if not issuer.may(scope):
            raise Forbidden(scope=scope, reason="a key cannot grant a scope that it lacks")
    holder = books.account(account).facts.id if account is not None else None
    key_id = books.new_id()
    above = [*issuer.lineage, issuer.key] if issuer.key else []
    ends = [issuer.expires_at, books.now + timedelta(seconds=expires_in) if expires_in else None]
    key = ApiKeyRow(
        id=key_id,
        name=name,
        prefix=prefix,
        digest=bytes.fromhex(digest),
        scopes=scopes,
        account=holder,
        created_at=books.now,
        identity=ids.show("key", key_id) if issuer.is_system else issuer.identity,
        expires_at=min(filter(None, ends), default=None),
        lineage=above,
        parent=above[-1] if above else None,
    )
    books.result["api_key"] = books.add(key).document()


@command(
    event="api_key.revoked",
    refuses=(ApiKeyNotFound, ApiKeyRevoked),
    also_wants=lambda call: [("api_keys_under", call["api_key"])] if call["descendants"] else [],
    own=(),
)
def revoke_api_key(books: AccountBooks, *, api_key: ApiKeyId, descendants: Flag = False) -> None:
    """Revoke an API key for good, and with it the use of every key that comes from it.

    With `descendants` those are marked as revoked, too. A process that used a key a moment ago may believe it for
    seconds more.
    """
    key = books.find(ApiKeyRow, api_key)
    if key is None:
        raise ApiKeyNotFound(api_key=ids.show("key", api_key))
    if key.revoked_at is not None:
        raise ApiKeyRevoked(api_key=ids.show("key", api_key))
    under = [row for row in books.known(ApiKeyRow) if api_key in row.lineage and row.revoked_at is None]
    for row in [key, *(under if descendants else ())]:
        row.revoked_at, row.changed = books.now, True
    books.result["api_key"] = key.document()
    if descendants:
        books.result["revoked"] = [row.document() for row in sorted(under, key=lambda row: row.id)]


def known_scopes() -> set[str]:
    """Every scope that means something."""
    permissions = {declared.permission for declared in COMMANDS.values() if not declared.internal}
    return permissions | {f"{permission.partition('.')[0]}.*" for permission in permissions} | NO_COMMANDS | RIGHTS
