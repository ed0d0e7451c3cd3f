"""What an auditor is given to make an attestation again: its rows, as JSON Lines (docs/attestation.md).

First `head`, what the document says of itself; then each `asset`, each `snapshot` that the checkpoint covers, and what
is `owed` to each account by bucket, with the salt of its leaf.
"""

import json
from collections.abc import Iterator
from typing import Any

from ledger_project.kernel import ids
from ledger_project.kernel.canonical import canonical
from ledger_project.log.queries import read
from reserves.attestation import Owed
from reserves.loading import assets_at, liabilities, one_snapshot, salts_of
from reserves.models import Attestation
from reserves.rows import SnapshotStore

HEAD = (
    "version", "type", "id", "issuer", "tenant", "currency", "scale", "sequence", "as_of", "checkpoint",
    "previous_attestation_hash", "basis", "limits",
)  # fmt: skip
BUCKETS = ("available", "held", "escrowed", "bonded", "fee_pool", "promo")


def lines(issued: Attestation) -> Iterator[bytes]:
    """The export, read from the database as it was at one moment before the first line is given."""
    stated = json.loads(issued.document)
    with one_snapshot():
        assets = assets_at(issued.tenant_id, issued.currency, issued.checkpoint.size)
        keys = [ids.read("ras", asset["id"]) for asset in assets]
        snapshots = read(_SNAPSHOTS, (keys, issued.as_of, issued.checkpoint.size))
        owed = liabilities(issued.tenant_id, issued.currency, issued.checkpoint, salts_of(issued))
    return _lines(stated, assets, snapshots, owed)


def _lines(
    stated: dict[str, Any], assets: list[dict[str, Any]], snapshots: list[Any], owed: list[Owed]
) -> Iterator[bytes]:
    yield _line("head", {name: stated[name] for name in HEAD})
    for asset in assets:
        yield _line("asset", asset)
    for record in snapshots:
        yield _line("snapshot", SnapshotStore.columns.read(record).document())
    for each in owed:
        amounts = {bucket: str(getattr(each, bucket)) for bucket in BUCKETS}
        yield _line("owed", {"account": ids.show("acc", each.account), **amounts, "salt": each.salt.hex()})


def _line(kind: str, value: dict[str, Any]) -> bytes:
    return canonical({kind: value}) + b"\n"


_SNAPSHOTS = f"""
{SnapshotStore.columns.select} JOIN log_leaf AS leaf ON leaf.event_id = stored.id
 WHERE stored.asset_id = ANY(%s::uuid[]) AND stored.taken_at <= %s AND leaf.log_index < %s
 ORDER BY stored.id
"""
