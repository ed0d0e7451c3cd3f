"""Recompute an attestation from docs/attestation.md alone: nothing here imports the ledger.

    python independent.py EXPORT.jsonl RESERVE.jws JWKS.json

reads an export (what the document says of itself, the registry, the snapshots, what each account is owed with its
salt), makes the canonical JSON, compares it with what was signed byte by byte, and verifies the signature with PyJWT.
"""

import hashlib
import json
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import jwt

OWED = {"available": "redeemable", "held": "held", "escrowed": "escrowed", "bonded": "bonded", "fee_pool": "fee_pool",
        "promo": "non_redeemable_promo"}  # fmt: skip
HEAD = ("version", "type", "id", "issuer", "tenant", "currency", "scale", "sequence", "as_of", "checkpoint",
        "previous_attestation_hash", "basis", "limits")  # fmt: skip
Node = tuple[bytes, int]


def canonical(value: Any) -> bytes:
    """RFC 8785 for documents of objects with ASCII keys, lists, strings, small integers, booleans and null."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def digest(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def sized(text: str) -> bytes:
    return len(text.encode()).to_bytes(4, "big") + text.encode()


def fixed(number: int) -> bytes:
    return number.to_bytes(32, "big")


def sum_tree(leaves: list[Node]) -> Node:
    level = sorted(leaves)
    while len(level) > 1:
        paired = []
        for place in range(0, len(level) - 1, 2):
            (left, a), (right, b) = level[place : place + 2]
            paired.append((digest(b"ledger/sumtree/v1/node\x01", left, fixed(a), right, fixed(b)), a + b))
        level = paired + (level[-1:] if len(level) % 2 else [])
    return level[0] if level else (digest(b"ledger/sumtree/v1/none\x03"), 0)


def asset_line(asset: dict[str, Any], snapshots: list[dict[str, Any]], as_of: str) -> dict[str, Any]:
    mine = [one for one in snapshots if one["asset"] == asset["id"] and one["taken_at"] <= as_of]
    newest = max(mine, key=lambda one: (one["taken_at"], one["id"]), default=None)
    line = {name: asset[name] for name in ("id", "name", "asset_type", "provider", "unit", "haircut_bps")}
    line |= {"max_age_seconds": asset["max_age_seconds"], "eligible": asset["is_eligible"]}
    if newest is None:
        empty = dict.fromkeys(
            ("raw_amount", "price", "raw_value", "snapshot_id", "snapshot_hash", "taken_at", "age_seconds")
        )
        return line | empty | {"counted": "0", "status": "missing"}
    price = newest["price"] or {"num": "1", "den": "1"}
    raw = int(newest["amount"]) * int(price["num"]) // int(price["den"])
    oldest = min(newest["taken_at"], price.get("taken_at", newest["taken_at"]))
    passed = datetime.fromisoformat(as_of) - datetime.fromisoformat(oldest)
    age = -(-passed // timedelta(seconds=1))
    status = "counted" if age <= asset["max_age_seconds"] else "stale"
    status = status if asset["is_eligible"] else "ineligible"
    counted = raw * (10000 - asset["haircut_bps"]) // 10000 if status == "counted" else 0
    return line | {
        "raw_amount": newest["amount"], "price": newest["price"], "raw_value": str(raw), "counted": str(counted),
        "snapshot_id": newest["id"], "snapshot_hash": hashlib.sha256(canonical(newest)).hexdigest(),
        "taken_at": newest["taken_at"], "age_seconds": age, "status": status,
    }  # fmt: skip


def attestation(export: dict[str, Any]) -> bytes:
    head = export["head"]
    assets = sorted(export["assets"], key=lambda asset: asset["id"])
    lines = [asset_line(asset, export["snapshots"], head["as_of"]) for asset in assets]
    leaves = []
    for one in export["owed"]:
        balance = sum(int(one[bucket]) for bucket in OWED)
        salt = bytes.fromhex(one["salt"])
        leaves.append(
            (
                digest(b"ledger/sumtree/v1/leaf\x00", salt, sized(head["id"]), sized(one["account"]), fixed(balance)),
                balance,
            )
        )
    root, total = sum_tree(leaves)
    eligible = sum(int(line["counted"]) for line in lines)
    millionths = eligible * 10**6 // total if total else 0
    decimal = f"{millionths // 10**6}.{millionths % 10**6:06d}"
    names = ("id", "currency", "asset_type", "unit", "haircut_bps", "max_age_seconds", "is_eligible")
    policy = [{name: asset[name] for name in names} for asset in assets]
    owed = {shown: str(sum(int(one[bucket]) for one in export["owed"])) for bucket, shown in OWED.items()}
    return canonical(
        {name: head[name] for name in HEAD}
        | {
            "liabilities": owed | {"total": str(total), "leaf_count": len(leaves), "sum_tree_root": root.hex()},
            "assets": lines,
            "raw_reserves_total": str(sum(int(line["raw_value"] or 0) for line in lines)),
            "eligible_reserves_total": str(eligible),
            "coverage_ratio": {"num": str(eligible), "den": str(total), "decimal": decimal} if total else None,
            "missing_snapshot_asset_ids": [line["id"] for line in lines if line["snapshot_id"] is None],
            "stale_asset_ids": [line["id"] for line in lines if (line["age_seconds"] or 0) > line["max_age_seconds"]],
            "policy": {
                "version": sum(asset["version"] for asset in assets),
                "hash": hashlib.sha256(canonical(policy)).hexdigest(),
            },
        }
    )


def read_export(text: str) -> dict[str, Any]:
    export: dict[str, Any] = {"assets": [], "snapshots": [], "owed": []}
    for line in text.splitlines():
        [(kind, value)] = json.loads(line).items()
        if kind == "head":
            export["head"] = value
        else:
            export[{"asset": "assets", "snapshot": "snapshots", "owed": "owed"}[kind]].append(value)
    return export


def signed_payload(token: str, jwks: dict[str, Any]) -> bytes:
    """What was signed; an exception of PyJWT where it was not, or by no key of the set."""
    kid = jwt.get_unverified_header(token)["kid"]
    key = next(jwt.PyJWK(each, algorithm="EdDSA") for each in jwks["keys"] if each["kid"] == kid)
    decoder = jwt.PyJWS()
    decoder.register_algorithm("Ed25519", jwt.algorithms.OKPAlgorithm())  # EdDSA under its newer name
    payload: bytes = decoder.decode(token, key.key, algorithms=["EdDSA", "Ed25519"])
    return payload


def main(export: str, token: str, jwks: str) -> int:
    made = attestation(read_export(Path(export).read_text("utf-8")))
    signed = signed_payload(Path(token).read_text("ascii").strip(), json.loads(Path(jwks).read_text("utf-8")))
    print(f"signature valid by PyJWT {jwt.__version__}")
    if made != signed:
        print("the document does not follow from the export")
        return 1
    print(f"byte-identical: {len(made)} bytes, SHA-256 {hashlib.sha256(made).hexdigest()}")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
