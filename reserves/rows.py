"""Reserve assets, their snapshots and attestations as the executor sees them."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from ledger_project.kernel import clock, ids
from ledger_project.log.documents import load_json
from ledger_project.log.lock_order import LockOrder
from ledger_project.log.unit import Batch, Query, Row, Store, Wants


@dataclass(slots=True)
class AssetRow(Row):
    """A reserve asset; `version` counts its changes."""

    id: UUID
    name: str
    currency: str
    asset_type: str
    provider: str
    unit: str
    custody: str
    source: dict[str, Any]
    haircut_bps: int
    max_age_seconds: int
    is_eligible: bool
    metadata: dict[str, Any]
    version: int
    created_at: datetime
    updated_at: datetime

    @property
    def key(self) -> UUID:
        return self.id

    def copy(self) -> "AssetRow":
        return replace(self, metadata=self.metadata.copy(), source=self.source.copy())

    def document(self) -> dict[str, Any]:
        return {
            "id": ids.show("ras", self.id),
            "name": self.name,
            "currency": self.currency,
            "asset_type": self.asset_type,
            "provider": self.provider,
            "unit": self.unit,
            "custody": self.custody,
            "source": self.source,
            "haircut_bps": self.haircut_bps,
            "max_age_seconds": self.max_age_seconds,
            "is_eligible": self.is_eligible,
            "metadata": self.metadata,
            "version": self.version,
            "created_at": clock.stamp(self.created_at),
            "updated_at": clock.stamp(self.updated_at),
        }


ASSET_COLUMNS = (
    "id, name, currency, asset_type, provider, unit, custody, source, haircut_bps, max_age_seconds, is_eligible,"
    " metadata, version, created_at, updated_at"
)


class AssetStore(Store):
    """Assets are locked by id, before everything that holds money."""

    rank = LockOrder.RESERVE_ASSET
    row = AssetRow
    kinds = frozenset({"reserve_asset"})

    def reading(self, wants: Wants) -> Query | None:
        refs = wants.refs.get("reserve_asset")
        if not refs:
            return None
        keys = {ref: ids.read("ras", ref) for ref in refs}
        return (
            f"SELECT {ASSET_COLUMNS} FROM reserves_reserveasset"
            " WHERE tenant_id = %s AND (id = ANY(%s::uuid[]) OR name = ANY(%s::text[]))"
            " ORDER BY id FOR NO KEY UPDATE",
            (wants.tenant, [key for key in keys.values() if key], sorted(ref for ref, key in keys.items() if not key)),
        )

    def load(self, records: Iterable[Sequence[Any]], batch: Batch, wants: Wants) -> None:
        for record in records:
            facts = dict(zip(ASSET_COLUMNS.split(", "), record, strict=True))
            loaded = {name: load_json(facts[name]) for name in ("source", "metadata")}
            row = AssetRow(**facts | loaded)
            batch.load(row, row.name, ids.show("ras", row.id))

    def writing(self, rows: list[AssetRow], tenant: int, now: datetime) -> Iterable[Query]:
        made = [row for row in rows if row.new]
        known = [row for row in rows if not row.new]
        if made:
            yield (
                f"INSERT INTO reserves_reserveasset (tenant_id, {ASSET_COLUMNS})"
                " SELECT %s, id, name, currency, asset_type, provider, unit, custody, source::jsonb, haircut_bps,"
                " max_age_seconds, is_eligible, metadata::jsonb, version, created_at, updated_at"
                f" FROM unnest({_ASSET_ARRAYS}) AS new ({ASSET_COLUMNS})",
                (tenant, *_asset_arrays(made)),
            )
        if known:
            yield (
                "UPDATE reserves_reserveasset AS old SET provider = new.provider, custody = new.custody,"
                " source = new.source::jsonb, haircut_bps = new.haircut_bps,"
                " max_age_seconds = new.max_age_seconds, is_eligible = new.is_eligible,"
                " metadata = new.metadata::jsonb, version = new.version, updated_at = new.updated_at"
                f" FROM unnest({_ASSET_ARRAYS}) AS new ({ASSET_COLUMNS}) WHERE old.id = new.id",
                _asset_arrays(known),
            )


_ASSET_ARRAYS = (
    "%s::uuid[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::integer[],"
    " %s::integer[], %s::bool[], %s::text[], %s::integer[], %s::timestamptz[], %s::timestamptz[]"
)


def _asset_arrays(rows: list[AssetRow]) -> list[list[Any]]:
    return [
        [row.id for row in rows],
        [row.name for row in rows],
        [row.currency for row in rows],
        [row.asset_type for row in rows],
        [row.provider for row in rows],
        [row.unit for row in rows],
        [row.custody for row in rows],
        [json.dumps(row.source) for row in rows],
        [row.haircut_bps for row in rows],
        [row.max_age_seconds for row in rows],
        [row.is_eligible for row in rows],
        [json.dumps(row.metadata) for row in rows],
        [row.version for row in rows],
        [row.created_at for row in rows],
        [row.updated_at for row in rows],
    ]


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

    @classmethod
    def of(
        cls, num: Any, den: Any, provenance: str | None, taken_at: datetime | None, evidence_hash: str | None
    ) -> "Price | None":
        """The price of a snapshot's columns."""
        return None if num is None or den is None else cls(int(num), int(den), provenance, taken_at, evidence_hash)

    def document(self) -> dict[str, Any]:
        value = {"num": str(self.num), "den": str(self.den)}
        if self.provenance is None or self.taken_at is None:
            return value
        return value | {
            "provenance": self.provenance,
            "taken_at": clock.stamp(self.taken_at),
            "evidence_hash": self.evidence_hash,
        }


@dataclass(slots=True)
class SnapshotRow(Row):
    """A snapshot, with the price where the unit is not the currency."""

    id: UUID
    asset: UUID
    amount: int
    price: Price | None
    taken_at: datetime
    provenance: str
    evidence_hash: str | None
    recorded_at: datetime

    @property
    def key(self) -> UUID:
        return self.id

    def copy(self) -> "SnapshotRow":
        return replace(self)

    def document(self) -> dict[str, Any]:
        return {
            "id": ids.show("rsn", self.id),
            "asset": ids.show("ras", self.asset),
            "amount": str(self.amount),
            "price": self.price and self.price.document(),
            "taken_at": clock.stamp(self.taken_at),
            "provenance": self.provenance,
            "evidence_hash": self.evidence_hash,
            "recorded_at": clock.stamp(self.recorded_at),
        }


class SnapshotStore(Store):
    """Snapshots are only ever added."""

    rank = LockOrder.RESERVE_SNAPSHOT
    row = SnapshotRow
    kinds = frozenset[str]()

    def writing(self, rows: list[SnapshotRow], tenant: int, now: datetime) -> Iterable[Query]:
        yield (
            "INSERT INTO reserves_reservesnapshot (tenant_id, id, asset_id, amount, price_num, price_den,"
            " price_provenance, price_taken_at, price_evidence_hash, taken_at, provenance, evidence_hash, recorded_at)"
            " SELECT %s, * FROM unnest(%s::uuid[], %s::uuid[], %s::text[]::numeric[], %s::text[]::numeric[],"
            " %s::text[]::numeric[], %s::text[], %s::timestamptz[], %s::text[], %s::timestamptz[], %s::text[],"
            " %s::text[], %s::timestamptz[])",
            (
                tenant,
                [row.id for row in rows],
                [row.asset for row in rows],
                [str(row.amount) for row in rows],
                [row.price and str(row.price.num) for row in rows],
                [row.price and str(row.price.den) for row in rows],
                [row.price and row.price.provenance for row in rows],
                [row.price and row.price.taken_at for row in rows],
                [row.price and row.price.evidence_hash for row in rows],
                [row.taken_at for row in rows],
                [row.provenance for row in rows],
                [row.evidence_hash for row in rows],
                [row.recorded_at for row in rows],
            ),
        )


@dataclass(slots=True)
class AttestationRow(Row):
    """An attestation. One that was read is the newest of its currency, and has its hash and its place only."""

    currency: str
    sequence: int
    document_hash: bytes
    id: UUID | None = None
    as_of: datetime | None = None
    checkpoint: int | None = None
    document: str = ""
    jws: str = ""
    event: UUID | None = None

    @property
    def key(self) -> tuple[str, int]:
        return self.currency, self.sequence

    def copy(self) -> "AttestationRow":
        return replace(self)


class AttestationStore(Store):
    """The newest attestation is read without a lock: of two that follow it, one meets the other's sequence number."""

    rank = LockOrder.ATTESTATION
    row = AttestationRow
    kinds = frozenset({"newest_attestation"})
    leads = frozenset({"attestation"})  # the id of a new one; nothing is locked by it

    def reading(self, wants: Wants) -> Query | None:
        currencies = wants.refs.get("newest_attestation")
        if not currencies:
            return None
        return (
            "SELECT DISTINCT ON (currency) currency, sequence, document_hash FROM reserves_attestation"
            " WHERE tenant_id = %s AND currency = ANY(%s::text[]) ORDER BY currency, sequence DESC",
            (wants.tenant, sorted(currencies)),
        )

    def load(self, records: Iterable[Sequence[Any]], batch: Batch, wants: Wants) -> None:
        for currency, sequence, document_hash in records:
            batch.load(AttestationRow(currency, sequence, bytes(document_hash)), ("newest", currency))

    def writing(self, rows: list[AttestationRow], tenant: int, now: datetime) -> Iterable[Query]:
        yield (
            "INSERT INTO reserves_attestation (tenant_id, id, currency, sequence, as_of, checkpoint_id, document,"
            " document_hash, jws, event) SELECT %s, * FROM unnest(%s::uuid[], %s::text[], %s::integer[],"
            " %s::timestamptz[], %s::bigint[], %s::text[], %s::bytea[], %s::text[], %s::uuid[])",
            (
                tenant,
                [row.id for row in rows],
                [row.currency for row in rows],
                [row.sequence for row in rows],
                [row.as_of for row in rows],
                [row.checkpoint for row in rows],
                [row.document for row in rows],
                [row.document_hash for row in rows],
                [row.jws for row in rows],
                [row.event for row in rows],
            ),
        )
