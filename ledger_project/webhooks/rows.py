"""Webhooks and their deliveries as the executor sees them.

Locked after API keys and before everything that holds money: an endpoint, with it its cursor, then a delivery. The
sender locks cursor and delivery in the same order.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from ledger_project.kernel import clock, ids
from ledger_project.log.caller import Caller
from ledger_project.log.lock_order import LockOrder
from ledger_project.log.unit import Batch, Query, Row, Store, Wants

SLOTS = 50  # webhooks of a tenant
ALL_SLOTS = ("webhook_slots", True)  # what a command wants that takes a free one


@dataclass(slots=True)
class EndpointRow(Row):
    """An endpoint. The last three fields are what its command does to the cursor and the secrets.

    What is due to it is due by the clock, as its sender goes by that: its commands do not wait for its own times.
    """

    times = ()

    id: UUID
    url: str
    types: list[str]
    description: str
    enabled: bool
    disabled_reason: str
    disabled_at: datetime | None
    generation: int
    rotated_at: datetime | None
    created_at: datetime
    deleted_at: datetime | None
    slot: int | None
    account: UUID | None = None
    ordered: bool = True
    secrets: dict[int, str] = field(default_factory=dict)  # new ones, encrypted, by generation
    replay_from: int | None = None
    afresh: bool = False  # whatever is due later is due now

    @property
    def key(self) -> UUID:
        return self.id

    def copy(self) -> "EndpointRow":
        return replace(self, types=self.types.copy(), secrets=self.secrets.copy())

    def belongs_to(self, caller: Caller) -> bool:
        return self.account == caller.account

    def document(self) -> dict[str, Any]:
        """The webhook as the log and the API show it: of its secret nothing but which one it is."""
        return {
            "id": ids.show("wbh", self.id),
            "account": self.account and ids.show("acc", self.account),
            "url": self.url,
            "types": self.types,
            "description": self.description,
            "ordered": self.ordered,
            "status": "enabled" if self.enabled else "disabled",
            "disabled_reason": self.disabled_reason or None,
            "disabled_at": self.disabled_at and clock.stamp(self.disabled_at),
            "secret_generation": self.generation,
            "secret_rotated_at": self.rotated_at and clock.stamp(self.rotated_at),
            "created_at": clock.stamp(self.created_at),
            "deleted_at": self.deleted_at and clock.stamp(self.deleted_at),
        }


_COLUMNS = (
    "id, url, types, description, enabled, disabled_reason, disabled_at, generation, rotated_at, created_at,"
    " deleted_at, slot,"
    " account_id, ordered"
)


class EndpointStore(Store):
    rank = LockOrder.WEBHOOK
    row = EndpointRow
    kinds = frozenset({"webhook", ALL_SLOTS[0]})

    def reading(self, wants: Wants) -> Query | None:
        wanted, whole = wants.refs.get("webhook", set()), ALL_SLOTS[0] in wants.refs
        if not wanted and not whole:
            return None
        columns = ", ".join(f"endpoint.{column}" for column in _COLUMNS.split(", "))
        return (
            f"SELECT {columns} FROM webhooks_endpoint AS endpoint"
            " JOIN webhooks_cursor AS cursor ON cursor.endpoint_id = endpoint.id"
            " WHERE endpoint.tenant_id = %s AND deleted_at IS NULL AND (%s OR endpoint.id = ANY(%s::uuid[]))"
            " ORDER BY endpoint.id FOR NO KEY UPDATE",
            (wants.tenant, whole, sorted(wanted)),
        )

    def load(self, records: Iterable[Sequence[Any]], batch: Batch, wants: Wants) -> None:
        for record in records:
            row = EndpointRow(*record)
            batch.load(row, ("slot", row.slot))

    def writing(self, rows: list[EndpointRow], tenant: int, now: datetime) -> Iterable[Query]:
        made = [row for row in rows if row.new]
        if made:
            yield _insert(made, tenant)
            yield (
                "INSERT INTO webhooks_cursor (endpoint_id, tenant_id, failures) SELECT id, %s, 0"
                " FROM unnest(%s::uuid[]) AS new (id)",
                (tenant, [row.id for row in made]),
            )
        known = [row for row in rows if not row.new]
        if known:
            yield _update(known)
        yield from _write_secrets(rows, tenant)
        yield from _write_line(known, now)


def _insert(rows: list[EndpointRow], tenant: int) -> Query:
    return (
        f"INSERT INTO webhooks_endpoint (tenant_id, {_COLUMNS}) SELECT %s, id, url, string_to_array(types, ' '),"
        " description, enabled, disabled_reason, disabled_at, generation, rotated_at, created_at, deleted_at, slot,"
        " account_id, ordered"
        f" FROM unnest({_ARRAYS}) AS new ({_COLUMNS})",
        (tenant, *_arrays(rows)),
    )


def _update(rows: list[EndpointRow]) -> Query:
    return (
        "UPDATE webhooks_endpoint AS old SET url = new.url, types = string_to_array(new.types, ' '),"
        " description = new.description, enabled = new.enabled, disabled_reason = new.disabled_reason,"
        " disabled_at = new.disabled_at, generation = new.generation, rotated_at = new.rotated_at,"
        " deleted_at = new.deleted_at, slot = new.slot, ordered = new.ordered"
        f" FROM unnest({_ARRAYS}) AS new ({_COLUMNS})"
        " WHERE old.id = new.id",
        _arrays(rows),
    )


_ARRAYS = (
    "%s::uuid[], %s::text[], %s::text[], %s::text[], %s::bool[], %s::text[], %s::timestamptz[], %s::integer[],"
    " %s::timestamptz[], %s::timestamptz[], %s::timestamptz[], %s::smallint[], %s::uuid[], %s::bool[]"
)


def _arrays(rows: list[EndpointRow]) -> list[list[Any]]:
    """The columns of `_COLUMNS`; types have no spaces, so they travel as one text."""
    return [
        [row.id for row in rows],
        [row.url for row in rows],
        [" ".join(row.types) for row in rows],
        [row.description for row in rows],
        [row.enabled for row in rows],
        [row.disabled_reason for row in rows],
        [row.disabled_at for row in rows],
        [row.generation for row in rows],
        [row.rotated_at for row in rows],
        [row.created_at for row in rows],
        [row.deleted_at for row in rows],
        [row.slot for row in rows],
        [row.account for row in rows],
        [row.ordered for row in rows],
    ]


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
    stale = [(row.id, row.generation - 1 + 2 * bool(row.deleted_at)) for row in rows if row.secrets or row.deleted_at]
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


@dataclass(slots=True)
class DeliveryRow(Row):
    """A delivery that a command makes due again."""

    id: UUID
    endpoint: UUID
    event: UUID
    log_index: int
    type: str
    state: str
    account: UUID | None  # its endpoint's

    @property
    def key(self) -> UUID:
        return self.id

    def copy(self) -> "DeliveryRow":
        return replace(self)

    def belongs_to(self, caller: Caller) -> bool:
        return self.account == caller.account

    def document(self) -> dict[str, Any]:
        return {
            "id": ids.show("dlv", self.id),
            "webhook": ids.show("wbh", self.endpoint),
            "event": ids.show("evt", self.event),
            "log_index": self.log_index,
            "type": self.type,
            "state": self.state,
        }


class DeliveryStore(Store):
    rank = LockOrder.WEBHOOK_DELIVERY
    row = DeliveryRow
    kinds = frozenset({"delivery"})

    def reading(self, wants: Wants) -> Query | None:
        wanted = wants.refs.get("delivery")
        if not wanted:
            return None
        return (
            "SELECT delivery.id, endpoint_id, event, log_index, type, state, endpoint.account_id"
            " FROM webhooks_delivery AS delivery JOIN webhooks_endpoint AS endpoint ON endpoint.id = endpoint_id"
            " WHERE delivery.tenant_id = %s AND delivery.id = ANY(%s::uuid[])"
            " ORDER BY delivery.id FOR NO KEY UPDATE OF delivery",
            (wants.tenant, sorted(wanted)),
        )

    def load(self, records: Iterable[Sequence[Any]], batch: Batch, wants: Wants) -> None:
        for record in records:
            batch.load(DeliveryRow(*record))

    def writing(self, rows: list[DeliveryRow], tenant: int, now: datetime) -> Iterable[Query]:
        """Settled ones become pending; those that are pending are made due with their endpoint's line."""
        yield (
            "UPDATE webhooks_delivery SET state = 'pending', attempts = 0, due_at = %s, settled_at = NULL"
            " WHERE id = ANY(%s::uuid[]) AND state <> 'pending'",
            (now, [row.id for row in rows]),
        )
