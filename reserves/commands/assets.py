"""The registry of what backs a currency, and the snapshots of how much of it there is."""

from typing import Any

from accounts.books import AccountBooks
from accounts.errors import CurrencyNotFound
from accounts.fields import CurrencyCode
from accounts.rows import SOLE_CURRENCY
from ledger_project.kernel import clock
from ledger_project.kernel.fields import Flag, Limit, LongText, Metadata, Moment, Text, Want
from ledger_project.log.command import Arguments, command
from ledger_project.outbound.addresses import require_registrable
from ledger_project.outbound.errors import UnsafeUrl
from reserves.errors import (
    PriceNotExpected,
    PriceRequired,
    ReserveAssetExists,
    ReserveAssetNotFound,
    SourceIncomplete,
    TakenInFuture,
)
from reserves.fields import (
    ALL_BPS,
    AssetType,
    Custody,
    HaircutBps,
    MaxAge,
    Price,
    ReserveAssetName,
    ReserveAssetRef,
    Sha256,
    Source,
    UnitName,
)
from reserves.rows import AssetRow, SnapshotRow


def _currency(call: Arguments) -> list[Want]:
    return [] if call["currency"] else [("currency", SOLE_CURRENCY)]


@command(
    event="reserve_asset.registered",
    refuses=(CurrencyNotFound, ReserveAssetExists, SourceIncomplete, UnsafeUrl),
    also_wants=_currency,
)
def register_reserve_asset(
    books: AccountBooks,
    *,
    name: ReserveAssetName,
    asset_type: AssetType,
    provider: Text,
    unit: UnitName,
    max_age_seconds: MaxAge,
    currency: CurrencyCode | None = None,
    haircut_bps: HaircutBps = ALL_BPS,
    is_eligible: Flag = False,
    custody: Custody = "",
    source: Source | None = None,
    metadata: Metadata | None = None,
) -> None:
    """Register something that backs a currency; each asset backs one, so nothing is counted twice.

    `haircut_bps` is the part that is not counted: 10000, the default, counts nothing. `unit` is what its snapshots
    count; where it is the currency's own code, amounts are in its minor units and need no price. `source` says where
    snapshots are read from (docs/attestation.md); without one they are recorded by hand.
    """
    backed = books.currency(currency)
    if books.find(AssetRow, name) is not None:
        raise ReserveAssetExists(asset=name)
    _require_source(source)
    row = AssetRow(
        id=books.new_id(),
        name=name,
        currency=backed.code,
        asset_type=asset_type,
        provider=provider,
        unit=unit,
        custody=custody,
        source=_kept(source),
        haircut_bps=haircut_bps,
        max_age_seconds=max_age_seconds,
        is_eligible=is_eligible,
        metadata=metadata or {},
        version=1,
        created_at=books.now,
        updated_at=books.now,
    )
    books.result["reserve_asset"] = books.add(row, name).document()


@command(event="reserve_asset.updated", refuses=(ReserveAssetNotFound, SourceIncomplete, UnsafeUrl))
def update_reserve_asset(
    books: AccountBooks,
    *,
    asset: ReserveAssetRef,
    provider: Text | None = None,
    haircut_bps: HaircutBps | None = None,
    max_age_seconds: MaxAge | None = None,
    is_eligible: Flag | None = None,
    custody: Custody | None = None,
    source: Source | None = None,
    metadata: Metadata | None = None,
) -> None:
    """Change how an asset is counted, held or read from now on; what was attested before stands.

    What the asset is (its name, type, unit and currency) never changes: its snapshots would mean something else.
    """
    row = _asset(books, asset)
    _require_source(source)
    row.custody = row.custody if custody is None else custody
    row.source = row.source if source is None else _kept(source)
    row.provider = row.provider if provider is None else provider
    row.haircut_bps = row.haircut_bps if haircut_bps is None else haircut_bps
    row.max_age_seconds = row.max_age_seconds if max_age_seconds is None else max_age_seconds
    row.is_eligible = row.is_eligible if is_eligible is None else is_eligible
    row.metadata = row.metadata if metadata is None else metadata
    row.version, row.updated_at, row.changed = row.version + 1, books.now, True
    books.result["reserve_asset"] = row.document()


@command(
    event="reserve_snapshot.recorded", refuses=(ReserveAssetNotFound, PriceNotExpected, PriceRequired, TakenInFuture)
)
def record_reserve_snapshot(
    books: AccountBooks,
    *,
    asset: ReserveAssetRef,
    amount: Limit,
    taken_at: Moment,
    provenance: LongText,
    price: Price | None = None,
    evidence_hash: Sha256 | None = None,
) -> None:
    """Record how many units of an asset there were at a moment, and who says so.

    `price` is what one unit is worth in minor units of the backed currency, as an exact fraction, with its own source
    and time (left out: the amount's). A snapshot is never changed; a later one takes its place, of two of one moment
    the one that was recorded later.
    """
    held = _asset(books, asset)
    if price is not None and held.unit == held.currency:
        raise PriceNotExpected(asset=held.name, unit=held.unit)
    if price is None and held.unit != held.currency:
        raise PriceRequired(asset=held.name, unit=held.unit, currency=held.currency)
    priced_at = price["taken_at"] or taken_at if price else taken_at
    if max(taken_at, priced_at) > books.now:
        raise TakenInFuture(taken_at=clock.stamp(max(taken_at, priced_at)), recorded_at=clock.stamp(books.now))
    row = SnapshotRow(
        id=books.new_id(),
        asset=held.id,
        amount=amount,
        **({f"price_{name}": price[name] for name in PRICED} | {"price_taken_at": priced_at} if price else {}),
        taken_at=taken_at,
        provenance=provenance,
        evidence_hash=evidence_hash,
        recorded_at=books.now,
    )
    books.result["reserve_snapshot"] = books.add(row).document()


PRICED = ("num", "den", "provenance", "evidence_hash")
PRICE = ("price_url", "price", "price_decimals")
NEEDS = {"feed": ("url", "amount"), "account": ("account",)}
TAKES = {"feed": ("decimals", "taken_at", *PRICE), "gemini": PRICE, "fal": PRICE, "account": (), "manual": ()}


def _require_source(source: dict[str, Any] | None) -> None:
    """Refuses: SourceIncomplete, UnsafeUrl."""
    if source is None:
        return
    given = {name for name, value in source.items() if value is not None}
    wanted = set(NEEDS.get(source["kind"], ()))
    if wanted - given:
        raise SourceIncomplete(kind=source["kind"], reason=f"it asks for {', '.join(sorted(wanted))}")
    if given - wanted - {"kind", *TAKES[source["kind"]]}:
        raise SourceIncomplete(kind=source["kind"], reason=f"it takes no {min(given - wanted - {'kind'})}")
    if (source["price"] is None) != (source["price_url"] is None):
        raise SourceIncomplete(kind=source["kind"], reason="a price is read from price_url at price")
    for name in ("url", "price_url"):
        if source[name] is not None:
            require_registrable(source[name])


def _kept(source: dict[str, Any] | None) -> dict[str, Any]:
    return {name: value for name, value in (source or {}).items() if value is not None}


def _asset(books: AccountBooks, ref: str) -> AssetRow:
    """Refuses: ReserveAssetNotFound."""
    row = books.find(AssetRow, ref)
    if row is None:
        raise ReserveAssetNotFound(asset=ref)
    return row
