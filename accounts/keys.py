"""API keys as the executor sees them."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from ledger_project.kernel import clock, ids
from ledger_project.log.caller import Caller
from ledger_project.log.documents import load_json
from ledger_project.log.lock_order import LockOrder
from ledger_project.log.unit import Batch, Query, Row, Store, Wants


@dataclass(slots=True)
class ApiKeyRow(Row):
    """An API key; all but `revoked_at` is settled when it is issued.

    `lineage` has the keys above it, the root first. `identity` is who answers for its calls: the person who issued the
    root, or the root itself.
    """

    id: UUID
    name: str
    prefix: str
    digest: bytes
    scopes: list[str]
    account: UUID | None
    identity: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    lineage: list[UUID] = field(default_factory=list)

    @property
    def key(self) -> UUID:
        return self.id

    @property
    def parent(self) -> UUID | None:
        return self.lineage[-1] if self.lineage else None

    def copy(self) -> "ApiKeyRow":
        return replace(self)

    def belongs_to(self, caller: Caller) -> bool:
        """A key may name itself and those that come from it."""
        return caller.key in (self.id, *self.lineage)

    def document(self) -> dict[str, Any]:
        """The key as the log and the API show it: without anything that could be used in its place."""
        return {
            "id": ids.show("key", self.id),
            "name": self.name,
            "prefix": self.prefix,
            "scopes": self.scopes,
            "account": self.account and ids.show("acc", self.account),
            "lineage": [ids.show("key", each) for each in self.lineage],
            "identity": self.identity,
            "created_at": clock.stamp(self.created_at),
            "expires_at": self.expires_at and clock.stamp(self.expires_at),
            "revoked_at": self.revoked_at and clock.stamp(self.revoked_at),
        }


class ApiKeyStore(Store):
    """Keys are locked by id, before holds and balances.

    Wants: `api_key` one, `api_keys_under` one all that come from it.
    """

    rank = LockOrder.API_KEY
    row = ApiKeyRow
    kinds = frozenset({"api_key", "api_keys_under"})

    def reading(self, wants: Wants) -> Query | None:
        keys, roots = wants.refs.get("api_key", set()), wants.refs.get("api_keys_under", set())
        return (
            "SELECT id, name, prefix, digest, scopes, account_id, identity, created_at, expires_at, revoked_at, lineage"
            " FROM accounts_apikey WHERE tenant_id = %s AND (id = ANY(%s::uuid[]) OR lineage && %s::uuid[])"
            " ORDER BY id FOR NO KEY UPDATE",
            (wants.tenant, sorted(keys), sorted(roots)),
        )

    def load(self, records: Iterable[Sequence[Any]], batch: Batch, wants: Wants) -> None:
        for key_id, name, prefix, digest, scopes, *rest in records:
            batch.load(ApiKeyRow(key_id, name, prefix, bytes(digest), load_json(scopes), *rest))

    def writing(self, rows: list[ApiKeyRow], tenant: int, now: datetime) -> Iterable[Query]:
        issued = [row for row in rows if row.new]
        revoked = [row for row in rows if not row.new]
        if issued:
            yield (
                "INSERT INTO accounts_apikey (id, tenant_id, name, prefix, digest, scopes, account_id, parent_id,"
                " lineage, identity, created_at, expires_at, revoked_at)"
                " SELECT id, %s, name, prefix, digest, scopes::jsonb, account, parent, lineage::uuid[], identity, %s,"
                " expires_at, revoked_at FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::bytea[], %s::text[],"
                " %s::uuid[], %s::uuid[], %s::text[], %s::text[], %s::timestamptz[], %s::timestamptz[])"
                " AS new (id, name, prefix, digest, scopes, account, parent, lineage, identity, expires_at,"
                " revoked_at)",
                (
                    tenant,
                    now,
                    [row.id for row in issued],
                    [row.name for row in issued],
                    [row.prefix for row in issued],
                    [row.digest for row in issued],
                    [json.dumps(row.scopes) for row in issued],
                    [row.account for row in issued],
                    [row.parent for row in issued],
                    ["{" + ",".join(map(str, row.lineage)) + "}" for row in issued],
                    [row.identity for row in issued],
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
