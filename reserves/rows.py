"""Reserve assets, their snapshots and attestations as the executor sees them."""

from collections.abc import Hashable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from ledger_project.kernel import clock, ids
from ledger_project.log.lock_order import LockOrder
from ledger_project.log.table import StoredRow, TableStore, column, money, stored
from ledger_project.log.unit import Query, Wants


@stored
class AssetRow(StoredRow):
    """A reserve asset; `version` counts its changes."""

    id: UUID = column(public="ras")
    name: str = column()
    currency: str = column()
    asset_type: str = column()
    provider: str = column(changes=True)
    unit: str = column()
    custody: str = column(changes=True)
    source: dict[str, Any] = column(changes=True)
    haircut_bps: int = column(changes=True)
    max_age_seconds: int = column(changes=True)
    is_eligible: bool = column(changes=True)
    metadata: dict[str, Any] = column(changes=True)
    version: int = column(changes=True)
    created_at: datetime = column()
    updated_at: datetime = column(changes=True)

    @property
    def names(self) -> tuple[Hashable, ...]:
        return self.name, ids.show("ras", self.id)


class AssetStore(TableStore):
    """Assets are locked by id, before everything that holds money."""

    rank = LockOrder.RESERVE_ASSET
    row = AssetRow
    kinds = frozenset({"reserve_asset"})
    table = "reserves_reserveasset"

    def reading(self, wants: Wants) -> Query | None:
        refs = wants.refs.get("reserve_asset")
        if not refs:
            return None
        keys = {ref: ids.read("ras", ref) for ref in refs}
        return self.columns.locked(
            wants.tenant,
            "(stored.id = ANY(%s::uuid[]) OR stored.name = ANY(%s::text[]))",
            [key for key in keys.values() if key],
            sorted(ref for ref, key in keys.items() if not key),
        )


@dataclass(frozen=True, slots=True)
class Price:
    """What one unit is worth in minor units of the currency, as a fraction; who says so, and for when.

    Prices of before they had a source of their own have none; their time is the snapshot's.
    """

    num: int
    den: int
    provenance: str | None = None
    taken_at: datetime | None = None
    evidence_hash: str | None = None

    def document(self) -> dict[str, Any]:
        value = {"num": str(self.num), "den": str(self.den)}
        if self.provenance is None or self.taken_at is None:
            return value
        return value | {
            "provenance": self.provenance,
            "taken_at": clock.stamp(self.taken_at),
            "evidence_hash": self.evidence_hash,
        }


@stored
class SnapshotRow(StoredRow):
    """A snapshot, with the price where the unit is not the currency."""

    id: UUID = column(public="rsn")
    asset: UUID = column("asset_id", public="ras")
    amount: int = money()
    price_num: int | None = money(shown=False, default=None)
    price_den: int | None = money(shown=False, default=None)
    price_provenance: str | None = column(shown=False, default=None)
    price_taken_at: datetime | None = column(shown=False, default=None)
    price_evidence_hash: str | None = column(shown=False, default=None)
    taken_at: datetime = column()
    provenance: str = column()
    evidence_hash: str | None = column()
    recorded_at: datetime = column()

    times = ("recorded_at",)

    @property
    def price(self) -> Price | None:
        if self.price_num is None or self.price_den is None:
            return None
        return Price(
            self.price_num, self.price_den, self.price_provenance, self.price_taken_at, self.price_evidence_hash
        )

    def document(self) -> dict[str, Any]:
        return {**self.shown(), "price": self.price and self.price.document()}


class SnapshotStore(TableStore):
    """Snapshots are only ever added."""

    rank = LockOrder.RESERVE_SNAPSHOT
    row = SnapshotRow
    kinds = frozenset[str]()
    table = "reserves_reservesnapshot"


@stored
class AttestationRow(StoredRow):
    """An attestation. One that was read is the newest of its currency."""

    id: UUID = column()
    currency: str = column()
    sequence: int = column()
    as_of: datetime = column()
    checkpoint: int = column("checkpoint_id", type="bigint")
    document_hash: bytes = column()
    text: str = column("document", read=False, default="")
    jws: str = column(read=False, default="")
    event: UUID = column()

    times = ()

    @property
    def key(self) -> tuple[str, int]:
        return self.currency, self.sequence

    @property
    def names(self) -> tuple[Hashable, ...]:
        return (("newest", self.currency),)


class AttestationStore(TableStore):
    """The newest attestation is read without a lock: of two that follow it, one meets the other's sequence number."""

    rank = LockOrder.ATTESTATION
    row = AttestationRow
    kinds = frozenset({"newest_attestation"})
    leads = frozenset({"attestation"})  # the id of a new one; nothing is locked by it
    table = "reserves_attestation"

    def reading(self, wants: Wants) -> Query | None:
        currencies = wants.refs.get("newest_attestation")
        if not currencies:
            return None
        return (
            f"{self.columns.select.replace('SELECT', 'SELECT DISTINCT ON (currency)', 1)}"
            " WHERE tenant_id = %s AND currency = ANY(%s::text[]) ORDER BY currency, sequence DESC",
            (wants.tenant, sorted(currencies)),
        )
