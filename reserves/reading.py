"""Recording what the sources of assets say: by beat where a snapshot grows old, or at once for one asset."""

import logging
import random
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.db.models import OuterRef, Subquery

from ledger_project.kernel import clock, ids
from ledger_project.kernel.canonical import content_hash
from ledger_project.kernel.errors import Refusal
from ledger_project.log.each import for_each
from ledger_project.log.executor import Done, run
from reserves.models import ReserveAsset, ReserveSnapshot
from reserves.queries import newest_snapshot, show_snapshot
from reserves.sources import SourceFailed, read_source

ACTOR = "system:reserve_sources"
BUDGET = 60  # seconds for which sources are asked in one turn
PARTS = 4  # of its age limit: a snapshot older than one is due to be followed

log = logging.getLogger(__name__)


def record_from_source(asset: ReserveAsset) -> Done:
    """Ask an asset's source and record what it says. Raises SourceFailed; refuses what the command refuses."""
    reading = read_source(asset)
    price = reading.price if reading.price or asset.unit == asset.currency else _last_price(asset)
    said: dict[str, Any] = {
        "asset": ids.show("ras", asset.id),
        "amount": str(reading.amount),
        "taken_at": clock.stamp(reading.taken_at),
        "provenance": f"{asset.source['kind']}: {reading.provenance}"[:1000],
        "evidence_hash": reading.evidence_hash,
        **({"price": price} if price else {}),
    }
    # A source that says the same of the same moment again is recorded once.
    key = f"reserve_source:{content_hash(said).hex()}"
    return run(asset.tenant_id, "record_reserve_snapshot", key=key, actor=ACTOR, **said)


def _last_price(asset: ReserveAsset) -> dict[str, Any] | None:
    """The price that was recorded last, with its own time: it grows old even where amounts are read anew."""
    newest = newest_snapshot(asset)
    price = show_snapshot(newest)["price"] if newest else None
    if price is None or "provenance" not in price:
        raise SourceFailed("no price was recorded yet: record the first snapshot by hand")
    return {name: value for name, value in price.items() if value is not None}


def read_due() -> int:
    """Read what is due, in no order, so that no tenant's slow sources always come first; how many were recorded."""
    ends = time.monotonic() + BUDGET
    assets = due()
    random.shuffle(assets)

    def in_time() -> Iterator[ReserveAsset]:
        for number, asset in enumerate(assets):
            if time.monotonic() > ends:
                log.warning("the time is over with %s of %s reserve assets not read", len(assets) - number, len(assets))
                return
            yield asset

    return sum(for_each("read_reserves", in_time(), _try))


def _try(asset: ReserveAsset) -> bool:
    try:
        record_from_source(asset)
    except (SourceFailed, Refusal) as error:
        log.error("reserve asset %s of tenant %s is not read: %s", asset.name, asset.tenant_id, error)
        return False
    return True


def due() -> list[ReserveAsset]:
    """The assets with a source whose newest snapshot is older than a part of its limit, or missing."""
    newest = ReserveSnapshot.objects.filter(asset=OuterRef("pk")).order_by("-taken_at", "-id").values("taken_at")[:1]
    read_by_us = ReserveAsset.objects.exclude(source={}).exclude(source__kind="manual")
    now = clock.now()
    return [
        asset
        for asset in read_by_us.annotate(read_at=Subquery(newest))
        if asset.read_at is None or (now - asset.read_at) * PARTS > timedelta(seconds=asset.max_age_seconds)
    ]
