"""What an attestation says, read from the rows: balances, assets and snapshots of the first `size` leaves of the log.

Balances are those of now less what was posted behind the checkpoint, in one snapshot of the database; so the same
function makes an attestation today and repeats it, byte for byte, in ten years.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from accounts.models import Currency
from accounts.rows import Bucket
from ledger_project.kernel import clock, ids
from ledger_project.kernel.sumtree import SALT_BYTES
from ledger_project.log.documents import load_json
from ledger_project.log.models import Checkpoint, SealingFinding
from ledger_project.log.queries import read
from reserves import attestation
from reserves.attestation import Moment, Owed
from reserves.errors import CannotAttest
from reserves.models import Attestation, AttestationLeaf
from reserves.rows import SnapshotStore

Document = dict[str, Any]
ASSET_EVENTS = ["reserve_asset.registered", "reserve_asset.updated"]


@dataclass(frozen=True)
class Draft:
    """An attestation before it is signed."""

    moment: Moment
    checkpoint: int
    owed: list[Owed]
    document: bytes


@contextmanager
def one_snapshot() -> Iterator[None]:
    """Everything inside reads the database as it was at one moment."""
    if connection.in_atomic_block:
        raise RuntimeError("an attestation is read in a transaction of its own")
    with connection.cursor() as cursor:
        cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        try:
            yield
        finally:
            cursor.execute("ROLLBACK")


def draft(tenant: int, currency: Currency) -> Draft:
    """What would be attested now, at the newest checkpoint. Refuses: CannotAttest."""
    with one_snapshot():
        ((now,),) = read("SELECT statement_timestamp()", ())
        as_of = clock.adjusted(now)
        head = _checkpoint()
        newest = Attestation.objects.filter(tenant=tenant, currency=currency.code).order_by("-sequence").first()
        moment = _moment(
            key=ids.make(as_of, 0),
            tenant=tenant,
            currency=currency,
            sequence=newest.sequence + 1 if newest else 1,
            as_of=as_of,
            checkpoint=head,
            previous=bytes(newest.document_hash) if newest else None,
        )
        owed = liabilities(tenant, currency.code, head)
        return Draft(moment, head.pk, owed, _encode(moment, owed))


def repeat(issued: Attestation) -> bytes:
    """The document of an attestation, made anew from the rows that it was made from."""
    with one_snapshot():
        before = Attestation.objects.filter(
            tenant=issued.tenant_id, currency=issued.currency, sequence=issued.sequence - 1
        ).first()
        moment = _moment(
            key=issued.pk,
            tenant=issued.tenant_id,
            currency=Currency.objects.get(tenant=issued.tenant_id, code=issued.currency),
            sequence=issued.sequence,
            as_of=issued.as_of,
            checkpoint=issued.checkpoint,
            previous=bytes(before.document_hash) if before else None,
        )
        return _encode(moment, liabilities(issued.tenant_id, issued.currency, issued.checkpoint, salts_of(issued)))


def salts_of(issued: Attestation) -> dict[UUID, bytes]:
    rows = AttestationLeaf.objects.filter(attestation=issued).values_list("account_id", "salt")
    return {account: bytes(salt) for account, salt in rows}


def _moment(
    *,
    key: UUID,
    tenant: int,
    currency: Currency,
    sequence: int,
    as_of: datetime,
    checkpoint: Checkpoint,
    previous: bytes | None,
) -> Moment:
    return Moment(
        id=key,
        tenant=tenant,
        currency=currency.code,
        scale=currency.scale,
        sequence=sequence,
        as_of=as_of,
        origin=checkpoint.note.partition("\n")[0],
        size=checkpoint.size,
        root=bytes(checkpoint.root),
        note=checkpoint.note,
        previous=previous,
    )


def _encode(moment: Moment, owed: list[Owed]) -> bytes:
    assets = assets_at(moment.tenant, moment.currency, moment.size)
    snapshots = snapshots_at([asset["id"] for asset in assets], moment)
    return attestation.encode(attestation.document(moment, owed, assets, snapshots))


def _checkpoint() -> Checkpoint:
    """The head of a log that nothing is wrong with. Refuses: CannotAttest."""
    head = Checkpoint.objects.order_by("-id").first()
    if head is None:
        raise CannotAttest(reason="nothing is sealed yet")
    if SealingFinding.objects.filter(resolved_at__isnull=True).exists():
        raise CannotAttest(reason="a finding about the log is open")
    ((behind,),) = read(
        "SELECT pg_snapshot_xmax(pg_current_snapshot()) < pg_snapshot_xmax(%s::pg_snapshot)", (str(head.snapshot),)
    )
    if behind:
        # The database was restored from a dump: until its log is sealed again, transaction ids say nothing.
        raise CannotAttest(reason="the log was restored and is not sealed since")
    return head


def liabilities(
    tenant: int, currency: str, checkpoint: Checkpoint, salts: dict[UUID, bytes] | None = None
) -> list[Owed]:
    """What is owed at a checkpoint to each account that is owed anything, with fresh salts unless some are given."""
    at: dict[str, Any] = {
        "tenant": tenant,
        "currency": currency,
        "size": checkpoint.size,
        "snapshot": str(checkpoint.snapshot),
    }
    with connection.cursor() as cursor:
        cursor.execute(_LIABILITIES, at)
        rows = cursor.fetchall()
    owed = []
    for account, *amounts in rows:
        salt = os.urandom(SALT_BYTES) if salts is None else salts[account]
        available, held, escrowed, bonded, fee_pool, promo = map(int, amounts)
        owed.append(Owed(account, available, held, escrowed, bonded, fee_pool, promo, salt))
    return owed


def _column(bucket: Bucket) -> str:
    # Both kinds of account that are counted are of credit normal side: a posting adds minus its amount.
    later = f"coalesce(sum(later.amount) FILTER (WHERE later.bucket = {int(bucket)}), 0)"
    return f"now.{bucket.label} + {later}"


_OWN = [bucket for bucket in Bucket if bucket is not Bucket.CREDIT_USED]
_LIABILITIES = f"""
WITH behind AS (
    SELECT event_id AS id FROM log_leaf WHERE log_index >= %(size)s AND tenant_id = %(tenant)s
     UNION ALL
    SELECT event.id FROM log_event AS event
     WHERE event.insert_xid >= pg_snapshot_xmin(%(snapshot)s::pg_snapshot) AND event.tenant_id = %(tenant)s
       AND NOT EXISTS (SELECT FROM log_leaf AS leaf WHERE leaf.event_id = event.id)
), later AS (
    SELECT posting.account_id, posting.bucket, sum(posting.amount) AS amount
      FROM behind JOIN journal_posting AS posting ON posting.entry_id = behind.id
     GROUP BY posting.account_id, posting.bucket
), at AS (
    SELECT now.account_id, now.type, {", ".join(f"{_column(bucket)} AS {bucket.label}" for bucket in _OWN)}
      FROM accounts_balance_total AS now LEFT JOIN later ON later.account_id = now.account_id
     WHERE now.tenant_id = %(tenant)s AND now.currency = %(currency)s AND now.type IN ('liability', 'revenue')
     GROUP BY now.account_id, now.type, {", ".join(f"now.{bucket.label}" for bucket in _OWN)}
), owed AS (
    SELECT account_id,
           {
    ", ".join(
        f"CASE WHEN type = 'liability' THEN greatest({bucket.label}, 0) ELSE 0 END AS {bucket.label}"
        for bucket in _OWN
        if bucket is not Bucket.FEE_POOL
    )
},
           fee_pool
      FROM at
)
SELECT account_id, {", ".join(bucket.label for bucket in _OWN)} FROM owed
 WHERE {" + ".join(bucket.label for bucket in _OWN)} > 0 ORDER BY account_id
"""


def assets_at(tenant: int, currency: str, size: int) -> list[Document]:
    """The assets that backed a currency, as the first `size` leaves of the log leave them."""
    newest: dict[str, Document] = {}
    for (result,) in read(_ASSETS, (tenant, ASSET_EVENTS, size)):
        asset = load_json(result)["reserve_asset"]
        if asset["currency"] == currency and asset["version"] > newest.get(asset["id"], {"version": 0})["version"]:
            newest[asset["id"]] = asset
    return list(newest.values())


_ASSETS = """
SELECT event.result FROM log_event AS event JOIN log_leaf AS leaf ON leaf.event_id = event.id
 WHERE event.tenant_id = %s AND event.type = ANY(%s) AND leaf.log_index < %s
"""


def snapshots_at(assets: list[str], moment: Moment) -> dict[str, Document]:
    """Of each asset the snapshot that counts, by its id: the last one taken, of one moment the last recorded."""
    keys = [ids.read("ras", asset) for asset in assets]
    found: dict[str, Document] = {}
    for record in read(_SNAPSHOTS, (moment.size, moment.as_of, keys)):
        row = SnapshotStore.columns.read(record)
        found[ids.show("ras", row.asset)] = row.document()
    return found


_SNAPSHOTS = f"""
WITH at AS (SELECT %s::bigint AS size, %s::timestamptz AS as_of)
SELECT newest.* FROM at, unnest(%s::uuid[]) AS wanted (asset) CROSS JOIN LATERAL (
    {SnapshotStore.columns.select} JOIN log_leaf AS leaf ON leaf.event_id = stored.id
     WHERE stored.asset_id = wanted.asset AND stored.taken_at <= at.as_of AND leaf.log_index < at.size
     ORDER BY stored.taken_at DESC, stored.id DESC LIMIT 1
) AS newest
"""
