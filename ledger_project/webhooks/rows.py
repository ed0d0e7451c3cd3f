"""Webhooks and their deliveries as the executor sees them.

Locked after API keys and before everything that holds money: an endpoint, with it its cursor, then a delivery. The
sender locks cursor and delivery in the same order.
"""

from collections.abc import Hashable, Iterable
from dataclasses import field
from datetime import datetime
from typing import Any
from uuid import UUID

from ledger_project.log.caller import Caller
from ledger_project.log.lock_order import LockOrder
from ledger_project.log.table import StoredRow, TableStore, column, stored
from ledger_project.log.unit import Query, Wants

SLOTS = 50  # webhooks of a tenant
ALL_SLOTS = ("webhook_slots", True)  # what a command wants that takes a free one


@stored
class EndpointRow(StoredRow):
    """An endpoint. The last three fields are what its command does to the cursor and the secrets.

    What is due to it is due by the clock, as its sender goes by that: its commands do not wait for its own times.
    """

    times = ()

    id: UUID = column(public="wbh")
    account: UUID | None = column("account_id", public="acc", default=None)
    url: str = column(changes=True)
    types: list[str] = column(type="text[]", changes=True)
    description: str = column(changes=True)
    ordered: bool = column(changes=True, default=True)
    enabled: bool = column(changes=True, shown=False)
    disabled_reason: str = column(changes=True, shown=False)
    disabled_at: datetime | None = column(changes=True)
    secret_generation: int = column("generation", changes=True)
    secret_rotated_at: datetime | None = column("rotated_at", changes=True)
    created_at: datetime = column()
    deleted_at: datetime | None = column(changes=True)
    slot: int | None = column(type="smallint", changes=True, shown=False)
    secrets: dict[int, str] = field(default_factory=dict)  # new ones, encrypted, by generation
    replay_from: int | None = None
    afresh: bool = False  # whatever is due later is due now

    @property
    def names(self) -> tuple[Hashable, ...]:
        return (("slot", self.slot),)

    def belongs_to(self, caller: Caller) -> bool:
        return self.account == caller.account

    def document(self) -> dict[str, Any]:
        """The webhook as the log and the API show it: of its secret nothing but which one it is."""
        return {
            **self.shown(),
            "status": "enabled" if self.enabled else "disabled",
            "disabled_reason": self.disabled_reason or None,
        }


class EndpointStore(TableStore):
    rank = LockOrder.WEBHOOK
    row = EndpointRow
    kinds = frozenset({"webhook", ALL_SLOTS[0]})
    table = "webhooks_endpoint"
    joins = "JOIN webhooks_cursor AS cursor ON cursor.endpoint_id = stored.id"

    def reading(self, wants: Wants) -> Query | None:
        wanted, whole = wants.refs.get("webhook", set()), ALL_SLOTS[0] in wants.refs
        if not wanted and not whole:
            return None
        condition = "stored.deleted_at IS NULL AND (%s OR stored.id = ANY(%s::uuid[]))"
        statement, values = self.columns.locked(wants.tenant, condition, whole, sorted(wanted))
        return statement.removesuffix(" OF stored"), values  # the cursor, too

    def writing(self, rows: list[EndpointRow], tenant: int, now: datetime) -> Iterable[Query]:
        yield from super().writing(rows, tenant, now)
        made, known = [row for row in rows if row.new], [row for row in rows if not row.new]
        if made:
            yield (
                "INSERT INTO webhooks_cursor (endpoint_id, tenant_id, failures) SELECT id, %s, 0"
                " FROM unnest(%s::uuid[]) AS new (id)",
                (tenant, [row.id for row in made]),
            )
        yield from _write_secrets(rows, tenant)
        yield from _write_line(known, now)


def _write_secrets(rows: list[EndpointRow], tenant: int) -> Iterable[Query]:
    """New secrets come in; those before the last two go, and all of them with their endpoint."""
    new = [(row.id, generation, sealed) for row in rows for generation, sealed in row.secrets.items()]
    kept = [each for each in new if each[0] not in {row.id for row in rows if row.deleted_at}]
    if kept:
        yield (
            "INSERT INTO webhooks_secret (tenant_id, endpoint_id, generation, sealed) SELECT %s, id, generation, sealed"
            " FROM unnest(%s::uuid[], %s::integer[], %s::text[]) AS new (id, generation, sealed)",
            (tenant, *([each[part] for each in kept] for part in range(3))),
        )
    stale = [
        (row.id, row.secret_generation - 1 + 2 * bool(row.deleted_at)) for row in rows if row.secrets or row.deleted_at
    ]
    if stale:
        yield (
            "DELETE FROM webhooks_secret AS old USING unnest(%s::uuid[], %s::integer[]) AS stale (id, first)"
            " WHERE old.endpoint_id = stale.id AND old.generation < stale.first",
            ([each[0] for each in stale], [each[1] for each in stale]),
        )


def _write_line(rows: list[EndpointRow], now: datetime) -> Iterable[Query]:
    """What commands do to the line of deliveries: set it back, start it afresh, or end it."""
    moved = [row for row in rows if row.replay_from is not None or row.afresh]
    if moved:
        yield (
            "UPDATE webhooks_cursor AS old SET next_index = LEAST(old.next_index, new.replay_from),"
            " rest_until = CASE WHEN new.afresh THEN NULL ELSE old.rest_until END,"
            " failures = CASE WHEN new.afresh THEN 0 ELSE old.failures END,"
            " failing_since = CASE WHEN new.afresh THEN NULL ELSE old.failing_since END,"
            " due_at = CASE WHEN new.afresh THEN %s ELSE old.due_at END"
            " FROM unnest(%s::uuid[], %s::bigint[], %s::bool[]) AS new (id, replay_from, afresh)"
            " WHERE old.endpoint_id = new.id",
            (now, [row.id for row in moved], [row.replay_from for row in moved], [row.afresh for row in moved]),
        )
    afresh = [row.id for row in rows if row.afresh and not row.deleted_at]
    if afresh:
        yield (
            "UPDATE webhooks_delivery SET due_at = %s WHERE endpoint_id = ANY(%s::uuid[]) AND state = 'pending'",
            (now, afresh),
        )
    deleted = [row.id for row in rows if row.deleted_at]
    if deleted:
        yield (
            "UPDATE webhooks_delivery SET state = 'cancelled', due_at = NULL, settled_at = %s"
            " WHERE endpoint_id = ANY(%s::uuid[]) AND state = 'pending'",
            (now, deleted),
        )


@stored
class DeliveryRow(StoredRow):
    """A delivery that a command makes due again; `account` is its endpoint's."""

    id: UUID = column(public="dlv")
    webhook: UUID = column("endpoint_id", public="wbh")
    event: UUID = column(public="evt")
    log_index: int = column(type="bigint")
    type: str = column()
    state: str = column()
    account: UUID | None = column(joined="endpoint.account_id", shown=False)

    def belongs_to(self, caller: Caller) -> bool:
        return self.account == caller.account


class DeliveryStore(TableStore):
    rank = LockOrder.WEBHOOK_DELIVERY
    row = DeliveryRow
    kinds = frozenset({"delivery"})
    table = "webhooks_delivery"
    joins = "JOIN webhooks_endpoint AS endpoint ON endpoint.id = stored.endpoint_id"

    def writing(self, rows: list[DeliveryRow], tenant: int, now: datetime) -> Iterable[Query]:
        """Settled ones become pending; those that are pending are made due with their endpoint's line."""
        yield (
            "UPDATE webhooks_delivery SET state = 'pending', attempts = 0, due_at = %s, settled_at = NULL"
            " WHERE id = ANY(%s::uuid[]) AND state <> 'pending'",
            (now, [row.id for row in rows]),
        )
