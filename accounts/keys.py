"""API keys as the executor sees them."""

from datetime import datetime
from uuid import UUID

from ledger_project.log.caller import Caller
from ledger_project.log.lock_order import LockOrder
from ledger_project.log.table import StoredRow, TableStore, column, stored
from ledger_project.log.unit import Query, Wants


@stored
class ApiKeyRow(StoredRow):
    """An API key; all but `revoked_at` is settled when it is issued.

    `lineage` has the keys above it, the root first, and `parent` is the last of them. `identity` is who answers for its
    calls: the person who issued the root, or the root itself.
    """

    id: UUID = column(public="key")
    name: str = column()
    prefix: str = column()
    digest: bytes = column(shown=False)
    scopes: list[str] = column()
    account: UUID | None = column("account_id", public="acc")
    lineage: list[UUID] = column(type="uuid[]", public="key", default_factory=list)
    parent: UUID | None = column("parent_id", shown=False, default=None)
    identity: str = column()
    created_at: datetime = column()
    expires_at: datetime | None = column()
    revoked_at: datetime | None = column(changes=True, default=None)

    def belongs_to(self, caller: Caller) -> bool:
        """A key may name itself and those that come from it."""
        return caller.key in (self.id, *self.lineage)


class ApiKeyStore(TableStore):
    """Keys are locked by id, before holds and balances.

    Wants: `api_key` one, `api_keys_under` one all that come from it.
    """

    rank = LockOrder.API_KEY
    row = ApiKeyRow
    kinds = frozenset({"api_key", "api_keys_under"})
    table = "accounts_apikey"

    def reading(self, wants: Wants) -> Query | None:
        keys, roots = wants.refs.get("api_key", set()), wants.refs.get("api_keys_under", set())
        return self.columns.locked(
            wants.tenant, "(stored.id = ANY(%s::uuid[]) OR stored.lineage && %s::uuid[])", sorted(keys), sorted(roots)
        )
