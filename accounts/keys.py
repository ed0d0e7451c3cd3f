"""API keys as the executor sees them."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from ledger_project.kernel import clock, ids
from ledger_project.log.documents import load_json
from ledger_project.log.unit import Batch, Query, Row, Store, Wants


@dataclass(slots=True)
class ApiKeyRow(Row):
    """An API key; all but `revoked_at` is settled when it is issued."""

    id: UUID
    name: str
    prefix: str
    digest: bytes
    scopes: list[str]
    account: UUID | None
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    new: bool = False
    changed: bool = False

    @property
    def key(self) -> UUID:
        return self.id

    def copy(self) -> "ApiKeyRow":
        return replace(self)

    def document(self) -> dict[str, Any]:
        """The key as the log and the API show it: without anything that could be used in its place."""
        return {
            "id": ids.show("key", self.id),
            "name": self.name,
            "prefix": self.prefix,
            "scopes": self.scopes,
            "account": self.account and ids.show("acc", self.account),
            "created_at": clock.stamp(self.created_at),
            "expires_at": self.expires_at and clock.stamp(self.expires_at),
            "revoked_at": self.revoked_at and clock.stamp(self.revoked_at),
        }


class ApiKeyStore(Store):
    """Keys are locked before holds and balances."""

    rank = 5
    row = ApiKeyRow
    kinds = frozenset({"api_key"})

    def reading(self, wants: Wants) -> Query | None:
        keys = wants.refs.get("api_key")
        if not keys:
            return None
        return (
            "SELECT id, name, prefix, digest, scopes, account_id, created_at, expires_at, revoked_at"
            " FROM accounts_apikey WHERE tenant_id = %s AND id = ANY(%s::uuid[]) ORDER BY id FOR NO KEY UPDATE",
            (wants.tenant, sorted(keys)),
        )

    def load(self, records: Iterable[Sequence[Any]], batch: Batch, wants: Wants) -> None:
        for key_id, name, prefix, digest, scopes, *rest in records:
            batch.load(ApiKeyRow(key_id, name, prefix, bytes(digest), load_json(scopes), *rest))

    def writing(self, rows: list[ApiKeyRow], tenant: int, now: datetime) -> Iterable[Query]:
        issued = [row for row in rows if row.new]
        revoked = [row for row in rows if not row.new]
        if issued:
            yield (
                "INSERT INTO accounts_apikey (id, tenant_id, name, prefix, digest, scopes, account_id, created_at,"
                " expires_at, revoked_at) SELECT id, %s, name, prefix, digest, scopes::jsonb, account, %s, expires_at,"
                " revoked_at FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::bytea[], %s::text[], %s::uuid[],"
                " %s::timestamptz[], %s::timestamptz[])"
                " AS new (id, name, prefix, digest, scopes, account, expires_at, revoked_at)",
                (
                    tenant,
                    now,
                    [row.id for row in issued],
                    [row.name for row in issued],
                    [row.prefix for row in issued],
                    [row.digest for row in issued],
                    [json.dumps(row.scopes) for row in issued],
                    [row.account for row in issued],
                    [row.expires_at for row in issued],
                    [row.revoked_at for row in issued],
                ),
            )
        if revoked:
            yield (
                "UPDATE accounts_apikey AS old SET revoked_at = new.revoked_at"
                " FROM unnest(%s::uuid[], %s::timestamptz[]) AS new (id, revoked_at) WHERE old.id = new.id",
                ([row.id for row in revoked], [row.revoked_at for row in revoked]),
            )
