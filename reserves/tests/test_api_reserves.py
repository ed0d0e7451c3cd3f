"""Reserves over HTTP: operators register and attest, anybody reads, each holder gets their own proof."""

import hashlib
import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client, override_settings

from accounts.models import Tenant
from ledger_project.kernel import clock, sumtree
from ledger_project.log import sealing
from ledger_project.testing.api import Api, refused
from ledger_project.testing.ledger import Ledger
from reserves.tests.story import attest

BANK = {"name": "bank", "asset_type": "fiat", "provider": "First Bank", "unit": "CRD", "max_age_seconds": 60}


def test_an_operator_registers_and_attests(api: Api) -> None:
    api.ledger.open("alice", funded=80)
    asset = api.post("/v1/reserves/assets", BANK).json()["reserve_asset"]
    counted = api.post(f"/v1/reserves/assets/{asset['id']}", {"haircut_bps": 0, "is_eligible": True}, method="PATCH")
    taken = clock.stamp(clock.now() - timedelta(seconds=1))
    body = {"asset": "bank", "amount": "100", "taken_at": taken, "provenance": "statement"}
    snapshot = api.post("/v1/reserves/snapshots", body)
    sealing.seal()
    made = api.post("/v1/attestations", {"currency": "CRD"}, key="attest")
    again = api.post("/v1/attestations", key="attest")

    assert (counted.status_code, snapshot.status_code, made.status_code) == (201, 201, 201)
    assert made.json()["attestation"]["coverage_ratio"] == {"num": "100", "den": "80", "decimal": "1.250000"}
    assert (again.json(), again["Idempotent-Replayed"]) == (made.json(), "true")
    assert api.get("/v1/reserves/assets?currency=CRD").json()["results"][0]["haircut_bps"] == 0
    assert api.get("/v1/reserves/snapshots?asset=bank").json()["results"] == [snapshot.json()["reserve_snapshot"]]
    assert api.get("/v1/attestations").json()["results"] == [made.json()["attestation"]]


@pytest.mark.parametrize(
    "body", [{"document": "{}"}, {"jws": "x"}, {"currency": 5}, {"currency": "CRD", "sequence": 1}]
)
def test_nobody_attests_a_document_of_their_own(api: Api, body: dict[str, Any]) -> None:
    before = api.ledger.size()

    response = api.post("/v1/attestations", body)

    assert response.status_code == 422
    assert api.ledger.size() == before


def test_registering_needs_an_operators_key(ledger: Ledger) -> None:
    reader = Api(ledger, "read", "journal.*")

    refused(reader.post("/v1/reserves/assets", BANK), 403, "forbidden")
    refused(reader.post("/v1/attestations", {"currency": "CRD"}), 403, "forbidden")
    refused(Client().post("/v1/reserves/assets"), 401, "not_authenticated")


def test_anybody_reads_the_newest_as_it_was_signed(ledger: Ledger) -> None:
    ledger.open("alice", funded=80)
    made = attest(ledger)
    with override_settings(ATTESTATION_TENANT=Tenant.objects.get(pk=ledger.tenant).slug):
        response = Client().get("/attestation/reserve")
        kept = Client().get("/attestation/reserve", headers={"If-None-Match": response["ETag"]})
        signed = Client().get("/attestation/reserve", headers={"Accept": "application/jose"})
    by_id = Client().get(f"/attestation/reserve/{made}")
    signed_by_id = Client().get(f"/attestation/reserve/{made}?format=jws")

    assert response.content == by_id.content == made.document.encode()
    assert response["ETag"] == f'"{hashlib.sha256(response.content).hexdigest()}"'
    assert (response["Cache-Control"], kept.status_code) == ("public, max-age=60", 304)
    assert by_id["Cache-Control"] == "public, max-age=31536000, immutable"
    assert response["Access-Control-Allow-Origin"] == kept["Access-Control-Allow-Origin"] == "*"
    assert signed.content == signed_by_id.content == made.jws.encode()
    assert signed["Content-Type"] == "application/jose"
    refused(Client().get("/attestation/reserve/att_1"), 404, "attestation_not_found")
    refused(Client().get(f"/attestation/reserve/{made}?format=xml"), 422, "invalid_request")


def test_a_holder_gets_the_proof_of_their_own_account(ledger: Ledger) -> None:
    ledger.open("alice", "bob", "eve", funded=80)
    key = ledger.run("open_account", name="zoe").document["result"]["account"]["id"]
    alice = Api(ledger, "read", account="alice")
    made = attest(ledger)
    stated = json.loads(made.document)["liabilities"]

    proof = alice.get("/attestation/reserve/proof/alice").json()

    leaf = sumtree.leaf(
        scope=proof["attestation"],
        account=proof["account"],
        balance=int(proof["balance"]),
        salt=bytes.fromhex(proof["salt"]),
    )
    path = [sumtree.SumNode(bytes.fromhex(each["digest"]), int(each["total"])) for each in proof["path"]]
    root = sumtree.SumNode(bytes.fromhex(stated["sum_tree_root"]), int(stated["total"]))
    assert (proof["balance"], proof["leaf_count"], stated["leaf_count"]) == ("80", 3, 3)
    assert sumtree.verify(leaf, proof["leaf_index"], proof["leaf_count"], path, root)
    refused(alice.get("/attestation/reserve/proof/bob"), 404, "account_not_found")
    refused(Api(ledger).get(f"/attestation/reserve/proof/{key}"), 404, "account_not_counted")
    refused(Api(Ledger()).get(f"/attestation/reserve/proof/bob?attestation={made}"), 404, "account_not_found")
    refused(Client().get("/attestation/reserve/proof/alice"), 401, "not_authenticated")
