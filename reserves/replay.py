"""What reserves add to replay: assets, snapshots and attestations are what their events say."""

import json
from collections.abc import Iterator
from uuid import UUID

from ledger_project.kernel import ids
from ledger_project.kernel.sumtree import SumTree, leaf
from ledger_project.log.checks import Check, Comparison, Difference, Scope
from ledger_project.log.queries import read
from ledger_project.log.rebuilt import Watched, each, events, last, rebuild, ref, said
from reserves.attestation import scope_of
from reserves.models import Attestation, ReserveAsset, ReserveSnapshot

RESERVES = Check("reserves_equal_log", "every reserve asset and every snapshot is as its last event says")
rebuild(
    RESERVES,
    ReserveAsset,
    last("reserve_asset", "reserve_asset.*"),
    prefix="ras",
    columns={
        "id": "told.id",
        **said("name", "currency", "asset_type", "provider", "unit", "haircut_bps"),
        # Not said by events from before assets had them.
        "custody": "coalesce(state ->> 'custody', '')",
        "source": "coalesce(state ->> 'source', '{}')",
        **said("max_age_seconds", "is_eligible", "metadata", "version", "created_at", "updated_at"),
    },
)
rebuild(
    RESERVES,
    ReserveSnapshot,
    each("reserve_snapshot.recorded", noun="reserve_snapshot"),
    prefix="rsn",
    columns={
        "id": "told.id",
        "asset_id": ref("asset"),
        **said("amount", "taken_at", "provenance", "evidence_hash", "recorded_at"),
        **{f"price_{name}": f"state -> 'price' ->> '{name}'" for name in ("num", "den", "provenance", "taken_at")},
        "price_evidence_hash": "state -> 'price' ->> 'evidence_hash'",
    },
)

ATTESTATIONS = Check("attestations_equal_log", "every attestation is the one that its event keeps")
rebuild(
    ATTESTATIONS,
    Attestation,
    each("attestation.issued", noun="attestation"),
    prefix="att",
    columns={
        "id": ref("attestation", of="payload"),
        **said("currency", "sequence"),
        "as_of": "payload ->> 'as_of'",
        "checkpoint_id": "payload ->> 'checkpoint'",
        "document": "payload ->> 'document'",
        "document_hash": "decode(state ->> 'document_hash', 'hex')",
        "jws": "payload ->> 'jws'",
        "event": "told.id",
    },
)

LEAVES = Check("attested_leaves_add_up", "the leaves of every attestation are those of the tree that was signed")


def _trees(scope: Scope) -> Iterator[Difference]:
    """One tree after the other is in memory, as it was when it was attested."""
    told = f"""
        SELECT tenant_id, payload ->> 'attestation', payload ->> 'document'
          FROM {events(Scope(scope.tenant), "attestation.issued")} AS event ORDER BY id"""
    known = []
    for tenant, shown, document in read(told, {"tenant": scope.tenant}):
        stated = json.loads(document)["liabilities"]
        known.append(UUID(hex=shown[4:]))
        signed = f"{stated['leaf_count']} leaves, {stated['total']} in all, root {stated['sum_tree_root']}"
        stored = _tree(tenant, known[-1])
        if stored != signed:
            yield Difference(LEAVES.name, tenant, f"reserves_attestationleaf {shown}/*", stored, signed)
    for tenant, attestation, leaves in read(_STRANGE, (scope.tenant, scope.tenant, known)):
        subject = f"reserves_attestationleaf {ids.show('att', attestation)}/*"
        yield Difference(LEAVES.name, tenant, subject, f"{leaves} leaves", "no attestation of this tenant")


def _tree(tenant: int, attestation: UUID) -> str:
    scope = scope_of(attestation)
    try:
        tree = SumTree(
            leaf(scope=scope, account=ids.show("acc", account), balance=int(owed), salt=bytes(salt))
            for account, owed, salt in read(_LEAVES, (tenant, attestation))
        )
    except ValueError as impossible:
        return str(impossible)
    return f"{tree.size} leaves, {tree.root.total} in all, root {tree.root.digest.hex()}"


_LEAVES = "SELECT account_id, owed, salt FROM reserves_attestationleaf WHERE tenant_id = %s AND attestation_id = %s"
_STRANGE = """
SELECT leaf.tenant_id, leaf.attestation_id, count(*)
  FROM reserves_attestationleaf AS leaf LEFT JOIN reserves_attestation AS attestation
       ON attestation.id = leaf.attestation_id AND attestation.tenant_id = leaf.tenant_id
 WHERE (%s::int IS NULL OR leaf.tenant_id = %s)
   AND (attestation.id IS NULL OR leaf.attestation_id <> ALL(%s::uuid[]))
 GROUP BY 1, 2 ORDER BY 1, 2
"""
Comparison((LEAVES,), work=_trees)
Watched(
    table="reserves_attestationleaf",
    held=dict.fromkeys(("attestation_id", "account_id", "tenant_id", "owed", "salt"), LEAVES.name),
)
