"""Reading assets, snapshots and attestations."""

import json
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet

from accounts.queries import total
from ledger_project.kernel import ids
from ledger_project.kernel.errors import InvalidRequest
from ledger_project.kernel.sumtree import SumTree, leaf
from ledger_project.log.queries import read
from reserves.attestation import scope_of
from reserves.errors import AccountNotCounted, AttestationNotFound
from reserves.models import Attestation, AttestationLeaf, ReserveAsset, ReserveSnapshot
from reserves.rows import AssetStore, SnapshotStore

PROOF_VERSION = 1
SUMMARY = (
    "id", "currency", "sequence", "as_of", "coverage_ratio", "eligible_reserves_total", "previous_attestation_hash",
)  # fmt: skip


def show_asset(asset: ReserveAsset) -> dict[str, Any]:
    return AssetStore.columns.of(asset).document()


def show_snapshot(snapshot: ReserveSnapshot) -> dict[str, Any]:
    return SnapshotStore.columns.of(snapshot).document()


def newest_snapshot(asset: ReserveAsset) -> ReserveSnapshot | None:
    return ReserveSnapshot.objects.filter(asset=asset).order_by("-taken_at", "-id").first()


def show_attestation(attestation: Attestation) -> dict[str, Any]:
    """What it says in short; the document itself is at /attestation/reserve/{id}."""
    stated = json.loads(attestation.document)
    return {
        **{name: stated[name] for name in SUMMARY},
        "log_size": stated["checkpoint"]["size"],
        "outstanding": stated["liabilities"]["total"],
        "document_hash": bytes(attestation.document_hash).hex(),
    }


def attestation(ref: str) -> Attestation:
    """One by its id, of whatever tenant: it is made to be shown. Refuses: AttestationNotFound."""
    key = ids.read("att", ref)
    found = Attestation.objects.select_related("checkpoint").filter(pk=key).first() if key else None
    if found is None:
        raise AttestationNotFound(attestation=ref[:300])
    return found


def latest(currency: str | None) -> Attestation:
    """The newest one that the public address shows. Refuses: AttestationNotFound, InvalidRequest."""
    codes = public_currencies()
    if currency is None and len(codes) > 1:
        raise InvalidRequest(field="currency", reason=f"one of {', '.join(codes)}")
    found = newest_of(_public(), currency or (codes[0] if codes else ""))
    if found is None:
        raise AttestationNotFound(currency=currency and currency[:100])
    return found


def public_currencies() -> list[str]:
    """The currencies that the public address has attestations of."""
    return sorted(_public().order_by().values_list("currency", flat=True).distinct())


def public_newest() -> list[Attestation]:
    """The newest attestation of each of them."""
    found = (newest_of(_public(), code) for code in public_currencies())
    return [each for each in found if each is not None]


def is_public(issued: Attestation) -> bool:
    """Whether the public address leads to it. Any attestation can be seen by who knows its id."""
    return _public().filter(pk=issued.pk).exists()


def history(newest: Attestation, before: int | None, count: int) -> list[Attestation]:
    """An attestation's predecessors and itself, newest first; `before` a sequence number."""
    row = Attestation.objects.filter(tenant=newest.tenant_id, currency=newest.currency, sequence__lte=newest.sequence)
    return list((row if before is None else row.filter(sequence__lt=before)).order_by("-sequence")[:count])


# The ratio alone: a document can have a thousand assets.
_COVERAGE = """
SELECT as_of, document::jsonb #>> '{coverage_ratio,num}', document::jsonb #>> '{coverage_ratio,den}'
  FROM reserves_attestation
 WHERE tenant_id = %s AND currency = %s AND sequence > %s AND sequence <= %s
 ORDER BY sequence
"""


def coverage_until(newest: Attestation, count: int) -> list[tuple[datetime, int, int]]:
    """When, eligible reserves and what was owed, of an attestation and those before it, where anything was owed."""
    bounds = (newest.tenant_id, newest.currency, newest.sequence - count, newest.sequence)
    return [(at, int(num), int(den)) for at, num, den in read(_COVERAGE, bounds) if den is not None]


def newest_of(issued: "QuerySet[Attestation]", currency: str) -> Attestation | None:
    return None if "\x00" in currency else issued.filter(currency=currency).order_by("-sequence").first()


def _public() -> "QuerySet[Attestation]":
    """The attestations of the tenant that the settings name, or of the first that attested anything."""
    if settings.ATTESTATION_TENANT:
        return Attestation.objects.filter(tenant__slug=settings.ATTESTATION_TENANT)
    return Attestation.objects.filter(tenant__in=[tenant for (tenant,) in read(_FIRST, ())])


# By the place in the sealed log, which is given once; by ids, a clock that was set back would make another the first.
_FIRST = """
SELECT attestation.tenant_id
  FROM reserves_attestation AS attestation LEFT JOIN log_leaf AS leaf ON leaf.event_id = attestation.event
 WHERE attestation.sequence = 1
 ORDER BY leaf.log_index NULLS LAST, attestation.id
 LIMIT 1
"""


def proof(tenant: int, ref: str, issued: Attestation | None) -> dict[str, Any]:
    """The proof that an account is counted, in an attestation of its currency (None: the newest).

    Refuses: AccountNotFound, AttestationNotFound, AccountNotCounted.
    """
    account = total(tenant, ref)
    if issued is None:
        issued = newest_of(Attestation.objects.filter(tenant=tenant), account.currency)
    if issued is None or issued.tenant_id != tenant:
        raise AttestationNotFound(currency=account.currency)
    found = AttestationLeaf.objects.filter(attestation=issued, account=account.account_id).first()
    if found is None:
        raise AccountNotCounted(account=ref[:300], attestation=str(issued))
    return _proof(issued, found)


def _proof(issued: Attestation, found: AttestationLeaf) -> dict[str, Any]:
    tree = tree_of(issued.pk)
    scope, account = scope_of(issued.pk), ids.show("acc", found.account_id)
    mine = leaf(scope=scope, account=account, balance=int(found.owed), salt=bytes(found.salt))
    index = tree.index(mine)
    return {
        "version": PROOF_VERSION,
        "attestation": scope,
        "document_hash": bytes(issued.document_hash).hex(),
        "currency": issued.currency,
        "account": account,
        "balance": str(int(found.owed)),
        "salt": bytes(found.salt).hex(),
        "leaf_index": index,
        "leaf_count": tree.size,
        "path": [{"digest": each.digest.hex(), "total": str(each.total)} for each in tree.path(index)],
    }


@lru_cache(maxsize=2)
def tree_of(attestation: UUID) -> SumTree:
    """The sum tree of an attestation, from its leaves, which never change."""
    rows = AttestationLeaf.objects.filter(attestation=attestation).values_list("account_id", "owed", "salt")
    scope = scope_of(attestation)
    return SumTree(
        leaf(scope=scope, account=ids.show("acc", account), balance=int(owed), salt=bytes(salt))
        for account, owed, salt in rows.iterator()
    )
