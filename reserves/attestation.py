"""The attestation document, from plain inputs: what is owed, what stands behind it, and the ratio of the two.

A pure function without a database, so anybody can repeat it from an export; docs/attestation.md tells it in words.
Whatever is in doubt counts for nothing: an asset without a snapshot, one whose snapshot is too old, one that is not
eligible. Divisions round down in what is counted and up in how old it is.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from ledger_project.kernel import clock, ids, sumtree
from ledger_project.kernel.canonical import canonical, content_hash
from ledger_project.kernel.sumtree import SumNode, SumTree

VERSION = 1
ALL_BPS = 10_000
RATIO_DIGITS = 6
MISSING, INELIGIBLE, STALE, COUNTED = "missing", "ineligible", "stale", "counted"

BASIS = (
    "Counted as owed: every bucket of every liability account with a floor; the available money of liability accounts"
    " without one (clearing accounts) where it is above zero, with their other buckets; and the fee pools of revenue"
    " accounts. Not counted: asset, equity (issuance) and expense accounts, and revenue outside of fee pools."
    " Credit that holders have drawn is not deducted."
)
LIMITS = (
    "It is stated at one moment and says nothing of any other.",
    "Reserve amounts and prices are as recorded in the snapshots named here; the signature shows who states them, not"
    " that the assets exist, are unencumbered, or could be sold at that price.",
    "The sum tree shows that what is counted adds up to the total; that nobody was left out shows only where every"
    " holder checks their own proof.",
    "Debts outside of this ledger are not part of it.",
)


@dataclass(frozen=True, slots=True)
class Owed:
    """What is owed to one account, by bucket, and the salt of its leaf."""

    account: UUID
    available: int
    held: int
    escrowed: int
    bonded: int
    fee_pool: int
    promo: int
    salt: bytes

    @property
    def total(self) -> int:
        return self.available + self.held + self.escrowed + self.bonded + self.fee_pool + self.promo

    def leaf(self, scope: str) -> SumNode:
        return sumtree.leaf(scope=scope, account=ids.show("acc", self.account), balance=self.total, salt=self.salt)


@dataclass(frozen=True, slots=True)
class Moment:
    """Where an attestation stands: in time, in the log, and in the row of attestations of its currency."""

    id: UUID
    tenant: int
    currency: str
    scale: int
    sequence: int
    as_of: datetime
    origin: str
    size: int
    root: bytes
    note: str
    previous: bytes | None

    @property
    def scope(self) -> str:
        return scope_of(self.id)


def scope_of(attestation: UUID) -> str:
    """What ties the leaves of a sum tree to their attestation."""
    return ids.show("att", attestation)


def tree_of(owed: Iterable[Owed], scope: str) -> SumTree:
    return SumTree(each.leaf(scope) for each in owed)


def document(
    moment: Moment, owed: Sequence[Owed], assets: Sequence[dict[str, Any]], snapshots: dict[str, dict[str, Any]]
) -> dict[str, Any]:
    """The attestation. Assets are as the log has them; of each asset's snapshots the one that counts, by asset id."""
    assets = sorted(assets, key=lambda asset: str(asset["id"]))
    shown = [judge(asset, snapshots.get(asset["id"]), moment.as_of) for asset in assets]
    tree = tree_of(owed, moment.scope)
    eligible = sum(int(each["counted"]) for each in shown)
    return {
        "version": VERSION,
        "type": "reserve_attestation",
        "id": ids.show("att", moment.id),
        "issuer": moment.origin,
        "tenant": f"ten_{moment.tenant}",
        "currency": moment.currency,
        "scale": moment.scale,
        "sequence": moment.sequence,
        "as_of": clock.stamp(moment.as_of),
        "checkpoint": {
            "origin": moment.origin,
            "size": moment.size,
            "root": moment.root.hex(),
            "note": moment.note,
        },
        "liabilities": _liabilities(owed, tree),
        "assets": shown,
        "raw_reserves_total": str(sum(int(each["raw_value"] or 0) for each in shown)),
        "eligible_reserves_total": str(eligible),
        "coverage_ratio": coverage(eligible, tree.root.total),
        "missing_snapshot_asset_ids": [each["id"] for each in shown if each["snapshot_id"] is None],
        "stale_asset_ids": [each["id"] for each in shown if _is_stale(each)],
        "policy": {"version": sum(asset["version"] for asset in assets), "hash": policy_hash(assets)},
        "previous_attestation_hash": moment.previous.hex() if moment.previous else None,
        "basis": BASIS,
        "limits": list(LIMITS),
    }


def encode(stated: dict[str, Any]) -> bytes:
    """The bytes that are hashed and signed."""
    return canonical(stated)


def coverage(eligible: int, outstanding: int) -> dict[str, str] | None:
    """The ratio as it is and as a decimal, rounded down; of nothing owed there is none."""
    if not outstanding:
        return None
    whole, rest = divmod(eligible, outstanding)
    digits = str(rest * 10**RATIO_DIGITS // outstanding).rjust(RATIO_DIGITS, "0")
    return {"num": str(eligible), "den": str(outstanding), "decimal": f"{whole}.{digits}"}


def policy_hash(assets: Iterable[dict[str, Any]]) -> str:
    """The hash of how each asset is counted: what it is, its haircut, its age limit and whether it is eligible."""
    names = ("id", "currency", "asset_type", "unit", "haircut_bps", "max_age_seconds", "is_eligible")
    return content_hash([{name: asset[name] for name in names} for asset in assets]).hex()


def _liabilities(owed: Sequence[Owed], tree: SumTree) -> dict[str, Any]:
    return {
        "redeemable": str(sum(each.available for each in owed)),
        "held": str(sum(each.held for each in owed)),
        "escrowed": str(sum(each.escrowed for each in owed)),
        "bonded": str(sum(each.bonded for each in owed)),
        "fee_pool": str(sum(each.fee_pool for each in owed)),
        "non_redeemable_promo": str(sum(each.promo for each in owed)),
        "total": str(tree.root.total),
        "leaf_count": tree.size,
        "sum_tree_root": tree.root.digest.hex(),
    }


def judge(asset: dict[str, Any], snapshot: dict[str, Any] | None, as_of: datetime) -> dict[str, Any]:
    """What a document says of one asset: what it is worth, how old that is, and what of it counts."""
    raw = _value(snapshot) if snapshot else None
    age = _age(snapshot, as_of) if snapshot else None
    status = _status(asset, age)
    counted = raw * (ALL_BPS - asset["haircut_bps"]) // ALL_BPS if raw is not None and status == COUNTED else 0
    return {
        "id": asset["id"],
        "name": asset["name"],
        "asset_type": asset["asset_type"],
        "provider": asset["provider"],
        "unit": asset["unit"],
        "haircut_bps": asset["haircut_bps"],
        "max_age_seconds": asset["max_age_seconds"],
        "eligible": asset["is_eligible"],
        "raw_amount": snapshot["amount"] if snapshot else None,
        "price": snapshot["price"] if snapshot else None,
        "raw_value": None if raw is None else str(raw),
        "counted": str(counted),
        "snapshot_id": snapshot["id"] if snapshot else None,
        "snapshot_hash": content_hash(snapshot).hex() if snapshot else None,
        "taken_at": snapshot["taken_at"] if snapshot else None,
        "age_seconds": age,
        "status": status,
    }


def _value(snapshot: dict[str, Any]) -> int:
    """In minor units of the currency, rounded down."""
    price = snapshot["price"] or {"num": "1", "den": "1"}
    return int(snapshot["amount"]) * int(price["num"]) // int(price["den"])


def _age(snapshot: dict[str, Any], as_of: datetime) -> int:
    """Of the amount or its price, whichever is older; in whole seconds, rounded up: too old from the first instant."""
    priced_at = (snapshot["price"] or {}).get("taken_at", snapshot["taken_at"])
    oldest = min(clock.read(snapshot["taken_at"]), clock.read(priced_at))
    return -(-(as_of - oldest) // timedelta(seconds=1))


def _status(asset: dict[str, Any], age: int | None) -> str:
    if age is None:
        return MISSING
    if not asset["is_eligible"]:
        return INELIGIBLE
    return STALE if age > asset["max_age_seconds"] else COUNTED


def _is_stale(shown: dict[str, Any]) -> bool:
    return shown["age_seconds"] is not None and shown["age_seconds"] > shown["max_age_seconds"]


def hash_of(document: bytes) -> bytes:
    return hashlib.sha256(document).digest()
