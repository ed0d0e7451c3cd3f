"""The document case by case, and a checker that was written from docs/attestation.md recomputing each to the byte."""

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import UUID

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core.management import call_command
from django.test import Client
from pytest_django import Settings

from accounts.models import Tenant
from ledger_project.kernel import clock, keys, sumtree
from ledger_project.kernel.sumtree import SumNode
from ledger_project.log import signing
from ledger_project.testing.api import Api, refused
from ledger_project.testing.databases import own_database
from ledger_project.testing.ledger import Ledger
from ledger_project.testing.offline import ledger_verify
from reserves import attestation, loading, queries
from reserves.attestation import Moment, Owed
from reserves.models import Attestation
from reserves.tests import independent
from reserves.tests.story import attest, record, register

AS_OF = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)
MOST = 10**38 - 1
MOMENT = Moment(
    id=UUID(int=1), tenant=1, currency="CRD", scale=0, sequence=1, as_of=AS_OF, origin="ledger.test/log", size=9,
    root=bytes(32), note="note", previous=None,
)  # fmt: skip
ASSET = {
    "id": f"ras_{1:032x}", "name": "bank", "currency": "CRD", "asset_type": "fiat", "provider": "First Bank",
    "unit": "CRD", "haircut_bps": 2000, "max_age_seconds": 60, "is_eligible": True, "metadata": {}, "version": 1,
    "created_at": "2026-11-20T00:00:00.000000Z", "updated_at": "2026-11-20T00:00:00.000000Z",
}  # fmt: skip


def owed(number: int, available: int = 0, **buckets: int) -> Owed:
    amounts = dict.fromkeys(("held", "escrowed", "bonded", "fee_pool", "promo"), 0) | buckets
    return Owed(account=UUID(int=number), available=available, salt=bytes([number % 256]) * 32, **amounts)


def snapshot(amount: int = 1000, *, ago: timedelta = timedelta(seconds=60), price: Any = None) -> dict[str, Any]:
    return {
        "id": f"rsn_{1:032x}", "asset": ASSET["id"], "amount": str(amount), "price": price,
        "taken_at": clock.stamp(AS_OF - ago), "provenance": "statement", "evidence_hash": None,
        "recorded_at": clock.stamp(AS_OF),
    }  # fmt: skip


def export(document: dict[str, Any], rows: list[Owed], assets: list[Any], snapshots: list[Any]) -> dict[str, Any]:
    """What an auditor is given."""
    people = [
        {name: str(getattr(row, name)) for name in independent.OWED}
        | {"account": f"acc_{row.account.hex}", "salt": row.salt.hex()}
        for row in rows
    ]
    head = {name: document[name] for name in independent.HEAD}
    return {"head": head, "owed": people, "assets": assets, "snapshots": snapshots}


ALICE = [owed(1, available=700, held=100)]
SECOND = timedelta(seconds=61)
THIRD = {"num": "1", "den": "3", "provenance": "rate", "taken_at": clock.stamp(AS_OF), "evidence_hash": None}
OLD_RATE = THIRD | {"taken_at": clock.stamp(AS_OF - timedelta(seconds=61))}
EXPECTED = Path(__file__).parent / "cases"  # the whole document of each case, as it must be
# Case: asset, snapshot, what is owed; then status, raw value, counted, ratio, missing, stale.
CASES: dict[str, Any] = {
    "covered": ({}, snapshot(), ALICE, ("counted", "1000", "800", ("800", "800", "1.000000"), 0, 0)),
    "missing": ({}, None, ALICE, ("missing", None, "0", ("0", "800", "0.000000"), 1, 0)),
    "stale by one second": ({}, snapshot(ago=SECOND), ALICE, ("stale", "1000", "0", ("0", "800", "0.000000"), 0, 1)),
    "stale by a microsecond": (
        {}, snapshot(ago=timedelta(seconds=60, microseconds=1)), ALICE,
        ("stale", "1000", "0", ("0", "800", "0.000000"), 0, 1),
    ),
    "ineligible": (
        {"is_eligible": False}, snapshot(), ALICE, ("ineligible", "1000", "0", ("0", "800", "0.000000"), 0, 0),
    ),
    "zero outstanding": ({}, snapshot(), [], ("counted", "1000", "800", None, 0, 0)),
    "all haircuts 10000": (
        {"haircut_bps": 10000}, snapshot(), ALICE, ("counted", "1000", "0", ("0", "800", "0.000000"), 0, 0),
    ),
    "over-reserved": (
        {"haircut_bps": 0}, snapshot(2500), ALICE, ("counted", "2500", "2500", ("2500", "800", "3.125000"), 0, 0),
    ),
    "38 digits": (
        {"haircut_bps": 1}, snapshot(MOST), [owed(1, MOST), owed(2, MOST)],
        ("counted", str(MOST), str(MOST * 9999 // 10000),
         (str(MOST * 9999 // 10000), str(2 * MOST), "0.499949"), 0, 0),
    ),
    "a price rounds down": (
        {"unit": "USDC"}, snapshot(1000, price=THIRD), ALICE,
        ("counted", "333", "266", ("266", "800", "0.332500"), 0, 0),
    ),
    "a price stale by one second": (
        {"unit": "USDC"}, snapshot(1000, ago=timedelta(), price=OLD_RATE), ALICE,
        ("stale", "333", "0", ("0", "800", "0.000000"), 0, 1),
    ),
    "key rotated": ({}, snapshot(), ALICE, ("counted", "1000", "800", ("800", "800", "1.000000"), 0, 0)),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_each_case_is_told_exactly(name: str) -> None:
    changes, taken, rows, (status, raw, counted, ratio, missing, stale) = CASES[name]
    asset = ASSET | changes
    snapshots = {asset["id"]: taken} if taken else {}

    # Behind a rotation nothing in the document is new but its place in the row: the key is named by the signature.
    moment = replace(MOMENT, sequence=2, previous=bytes([7]) * 32) if name == "key rotated" else MOMENT

    document = attestation.document(moment, rows, [asset], snapshots)

    assert document == json.loads((EXPECTED / f"{name.replace(' ', '_')}.json").read_text("utf-8"))
    [line] = document["assets"]
    assert (line["status"], line["raw_value"], line["counted"]) == (status, raw, counted)
    assert (document["raw_reserves_total"], document["eligible_reserves_total"]) == (raw or "0", counted)
    assert document["coverage_ratio"] == (dict(zip(("num", "den", "decimal"), ratio, strict=True)) if ratio else None)
    assert document["missing_snapshot_asset_ids"] == [asset["id"]] * missing
    assert document["stale_asset_ids"] == [asset["id"]] * stale
    given = export(document, rows, [asset], list(snapshots.values()))
    assert independent.attestation(given) == attestation.encode(document)


def test_an_auditor_recomputes_a_real_one_and_its_signature(ledger: Ledger, tmp_path: Path) -> None:
    ledger.open("alice", "bob", "eve", funded=100)
    ledger.run("place_hold", account="alice", amount=10, to_account="bob")
    register(ledger, haircut_bps=2500, is_eligible=True)
    register(ledger, "gemini", unit="GEMINI_CREDIT", asset_type="compute_credit", haircut_bps=5000, is_eligible=True)
    register(ledger, "idle", unit="GOLD")
    record(ledger, amount=77, ago=9)
    record(ledger, amount=123)
    record(ledger, "gemini", 1001, price={"num": 7, "den": 3, "provenance": "rate of the day"})
    made = attest(ledger)
    api = Api(ledger)
    export = api.get(f"/v1/attestations/{made}/export")
    printed = StringIO()
    call_command("attest", tenant=Tenant.objects.get(pk=ledger.tenant).slug, export=str(made), stdout=printed)
    files = {
        "export.jsonl": b"".join(export.streaming_content),
        "reserve.jws": Client().get(f"/attestation/reserve/{made}?format=jws").content,
        "jwks.json": Client().get("/.well-known/jwks.json").content,
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)

    command = [sys.executable, "-I", independent.__file__, *files]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)

    assert printed.getvalue().encode() == files["export.jsonl"]
    assert done.stdout.splitlines() == [
        f"signature valid by PyJWT {jwt.__version__}",
        f"byte-identical: {len(made.document.encode())} bytes, SHA-256 {bytes(made.document_hash).hex()}",
    ]
    wrong = files["export.jsonl"].replace(b'"available":"90"', b'"available":"91"')
    (tmp_path / "export.jsonl").write_bytes(wrong)
    assert wrong != files["export.jsonl"]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode == 1


def test_an_export_is_for_those_who_see_the_whole_tenant(ledger: Ledger) -> None:
    ledger.open("alice", funded=100)
    made = attest(ledger)
    address = f"/v1/attestations/{made}/export"

    refused(Api(ledger, "read", account="alice").get(address), 403, "forbidden")
    refused(Api(Ledger()).get(address), 404, "attestation_not_found")
    refused(Client().get(address), 401, "not_authenticated")


class Files:
    """What an auditor has: the JWS, the keys, and a holder's proof."""

    def __init__(self, ledger: Ledger, directory: Path) -> None:
        self.made: Attestation = attest(ledger)
        self.directory = directory
        self.jws = self.write("reserve.jws", Client().get(f"/attestation/reserve/{self.made}?format=jws").content)
        self.jwks = self.write("jwks.json", Client().get("/.well-known/jwks.json").content)
        self.proof = queries.proof(ledger.tenant, "alice", self.made)

    def write(self, name: str, content: bytes) -> Path:
        path = self.directory / name
        path.write_bytes(content)
        return path

    def verify(self, *options: Any, proof: dict[str, Any] | None = None, jws: Path | None = None) -> dict[str, Any]:
        mine = self.write("mine.json", json.dumps(proof or self.proof).encode())
        given = ("attestation", jws or self.jws, "--jwks", self.jwks, "--account-proof", mine, *options)
        return ledger_verify(*given)

    def resign(self, **changes: Any) -> Path:
        """The document with changes, signed by the ledger itself: a liar with the key."""
        document = json.loads(self.made.document) | changes
        return self.write("lie.jws", sign(attestation.encode(document)))


def sign(payload: bytes) -> bytes:
    signer = signing.signer()
    headers = {"kid": signing.kid_of(signer), "typ": "reserve-attestation+jws"}
    return jwt.PyJWS().encode(payload, signer.private_key, algorithm="EdDSA", headers=headers).encode()


@pytest.fixture
def files(ledger: Ledger, tmp_path: Path) -> Files:
    ledger.open("alice", "bob", "eve", funded=100)
    register(ledger, haircut_bps=0, is_eligible=True)
    record(ledger, amount=450)
    return Files(ledger, tmp_path)


def test_the_offline_verifier_follows_every_figure(files: Files) -> None:
    report = files.verify("--max-age", 3600)

    assert (report["exit_code"], report["coverage_ratio"]["decimal"]) == (0, "1.500000")
    assert files.verify("--max-age", 60, "--now", int(time.time()) + 3600)["exit_code"] == 20


def test_the_offline_verifier_names_what_is_wrong(files: Files) -> None:
    head, payload, signature = files.jws.read_text().split(".")
    forged = files.write("forged.jws", f"{head}.{payload[:-8]}AAAA{payload[-4:]}.{signature}".encode())
    stranger = os.urandom(32)
    other = files.write("other.json", json.dumps(keys.jwks([keys.PublishedKey(stranger)])).encode())
    document = json.loads(files.made.document)
    generous = [document["assets"][0] | {"counted": "999"}]
    short = document["liabilities"] | {"held": "1"}

    assert files.verify(jws=forged)["exit_code"] == 10
    assert ledger_verify("attestation", files.jws, "--jwks", other)["exit_code"] == 10
    assert files.verify(jws=files.resign(assets=generous))["exit_code"] == 14
    assert files.verify(jws=files.resign(liabilities=short))["exit_code"] == 14
    assert files.verify(jws=files.resign(coverage_ratio=None))["exit_code"] == 14
    assert files.verify(jws=files.resign(eligible_reserves_total="451"))["exit_code"] == 14
    assert files.verify(jws=files.resign(checkpoint=document["checkpoint"] | {"size": 1}))["exit_code"] == 11
    for change in ({"balance": "101"}, {"balance": "99"}, {"leaf_index": files.proof["leaf_index"] ^ 1}):
        assert files.verify(proof=files.proof | change)["exit_code"] == 14


def test_it_verifies_after_the_key_was_rotated_and_not_if_it_was_before(files: Files) -> None:
    rotated = json.loads(files.jwks.read_text())
    newer = keys.PublishedKey(Ed25519PrivateKey.generate().public_key().public_bytes_raw()).jwk()
    as_of = files.made.as_of
    for retired_at, code in ((as_of + timedelta(seconds=1), 0), (as_of, 10)):
        retired = [each | {"retired_at": clock.stamp(retired_at)} for each in rotated["keys"]]
        files.jwks.write_text(json.dumps({"keys": [*retired, newer]}))

        assert files.verify()["exit_code"] == code


def test_a_real_rotation_leaves_what_was_attested_and_what_comes_next_verifiable(
    tmp_path: Path, settings: Settings
) -> None:
    path = tmp_path / "signing_key.pem"
    path.write_text(settings.SIGNING_KEY)
    settings.SIGNING_KEY = path
    with own_database():
        ledger = Ledger()
        ledger.open("alice", "bob", "eve", funded=100)
        before = attest(ledger)
        call_command("rotate_signing_key")
        after = attest(ledger)
        jwks = tmp_path / "jwks.json"
        jwks.write_bytes(Client().get("/.well-known/jwks.json").content)
        kids = [jwt.get_unverified_header(made.jws)["kid"] for made in (before, after)]

        assert [each.kid for each in signing.published()] == kids
        for made in (before, after):
            signed = tmp_path / f"{made}.jws"
            signed.write_text(made.jws)
            assert ledger_verify("attestation", signed, "--jwks", jwks)["exit_code"] == 0
            assert independent.signed_payload(made.jws, json.loads(jwks.read_text())) == made.document.encode()
            assert loading.repeat(made) == made.document.encode()
        assert json.loads(after.document)["previous_attestation_hash"] == bytes(before.document_hash).hex()


def test_a_node_hashes_both_sums() -> None:
    """With the naive tree a path may move what is owed from one side to the other."""
    left, right = SumNode(bytes(32), 3), SumNode(bytes([1]) * 32, 4)

    assert sumtree.node(left, right) != sumtree.node(left._replace(total=4), right._replace(total=3))
