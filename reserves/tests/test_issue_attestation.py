"""An attestation counts what the sealed log says, is chained to the one before, and can be made again to the byte."""

import hashlib
import json
from datetime import timedelta
from functools import partial
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.db import connections
from django.test import override_settings

from accounts.errors import CurrencyNotFound
from ledger_project.kernel import clock
from ledger_project.kernel.errors import IdempotencyKeyReused
from ledger_project.log import sealing, signing
from ledger_project.log.executor import Done
from ledger_project.testing.crowd import together
from ledger_project.testing.ledger import TEST, Ledger
from reserves import issuing, loading
from reserves.models import Attestation, AttestationLeaf
from reserves.tests.story import attest, record, register


def stated(attestation: Attestation) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(attestation.document)
    return document


def test_what_is_owed_is_told_by_bucket(ledger: Ledger) -> None:
    ledger.open("alice", funded=100)
    ledger.open("bob", funded=50)
    ledger.open("eve")
    ledger.run("promo_mint", account="bob", amount=7)
    ledger.run("place_hold", account="alice", amount=10, to_account="bob")
    ledger.run("lock_escrow", buyer="alice", seller="bob", amount=20, reference="job-1")
    ledger.run("lock_stake", account="bob", amount=5)
    ledger.run("charge_fee", account="alice", amount=3)

    document = stated(attest(ledger))

    owed = document["liabilities"]
    assert {name: owed[name] for name in owed if name != "sum_tree_root"} == {
        "redeemable": "112", "held": "10", "escrowed": "20", "bonded": "5", "fee_pool": "3",
        "non_redeemable_promo": "7", "total": "157", "leaf_count": 3,
    }  # fmt: skip
    assert document["coverage_ratio"] == {"num": "0", "den": "157", "decimal": "0.000000"}
    assert document["assets"] == []
    assert ledger.tail() == ["attestation.issued"]


def test_what_is_posted_behind_the_checkpoint_is_not_counted(ledger: Ledger) -> None:
    ledger.open("alice", funded=100)
    register(ledger, haircut_bps=0, is_eligible=True)
    record(ledger, amount=100)
    sealing.seal()
    ledger.run("mint", account="alice", amount=900)
    ledger.open("late", funded=5)
    record(ledger, amount=999, ago=1)
    ledger.run("update_reserve_asset", asset="bank", haircut_bps=5000)

    done = issuing.issue(ledger.tenant, None, key="a", caller=TEST)

    made = done.document["result"]["attestation"]
    assert (made["outstanding"], made["eligible_reserves_total"]) == ("100", "100")


def test_it_can_be_made_again_to_the_byte_whatever_came_later(ledger: Ledger) -> None:
    ledger.open("alice", "bob", funded=100)
    register(ledger, haircut_bps=2500, is_eligible=True)
    record(ledger, amount=1001)
    first = attest(ledger)
    ledger.run("transfer", from_account="alice", to_account="bob", amount=60)
    ledger.run("update_reserve_asset", asset="bank", is_eligible=False)
    record(ledger, amount=3, ago=1)
    second = attest(ledger)
    ledger.run("burn", account="bob", amount=1)

    assert loading.repeat(first) == first.document.encode()
    assert loading.repeat(second) == second.document.encode()
    assert (stated(first)["eligible_reserves_total"], stated(second)["eligible_reserves_total"]) == ("750", "0")


def test_each_names_the_hash_of_the_one_before(ledger: Ledger) -> None:
    ledger.open("alice", funded=1)

    first, second = attest(ledger), attest(ledger)

    assert stated(first)["previous_attestation_hash"] is None
    assert stated(second)["previous_attestation_hash"] == hashlib.sha256(first.document.encode()).hexdigest()
    assert (first.sequence, second.sequence) == (1, 2)


@pytest.mark.parametrize("algorithm", ["EdDSA", "Ed25519"])
def test_the_signature_verifies_with_another_library(ledger: Ledger, algorithm: str) -> None:
    ledger.open("alice", funded=1)
    with override_settings(ATTESTATION_ALG=algorithm):
        made = attest(ledger)

    header = jwt.get_unverified_header(made.jws)
    key = next(each for each in signing.published() if each.kid == header["kid"])
    decoder = jwt.PyJWS(algorithms=["EdDSA"])
    decoder.register_algorithm("Ed25519", jwt.algorithms.OKPAlgorithm())
    payload = decoder.decode(made.jws, Ed25519PublicKey.from_public_bytes(key.public_key), algorithms=[algorithm])
    assert (header["alg"], header["typ"]) == (algorithm, "reserve-attestation+jws")
    assert payload == made.document.encode()


def test_a_repeated_call_has_the_first_answer(ledger: Ledger) -> None:
    ledger.open("alice", funded=1)
    sealing.seal()
    first = issuing.issue(ledger.tenant, None, key="a", caller=TEST)
    ledger.run("mint", account="alice", amount=1)
    ledger.run("register_currency", code="USD", scale=2)  # from now on the currency must be named
    sealing.seal()

    again = issuing.issue(ledger.tenant, None, key="a", caller=TEST)

    assert again.replayed
    assert again.document == first.document
    assert Attestation.objects.filter(tenant=ledger.tenant).count() == 1
    with pytest.raises(IdempotencyKeyReused):
        issuing.issue(ledger.tenant, "USD", key="a", caller=TEST)
    with pytest.raises(CurrencyNotFound):
        issuing.issue(ledger.tenant, None, key="b", caller=TEST)


def test_a_rehearsal_stores_nothing(ledger: Ledger) -> None:
    ledger.open("alice", funded=1)
    sealing.seal()
    before = ledger.size()

    issuing.issue(ledger.tenant, None, key="a", caller=TEST, dry_run=True)

    assert ledger.size() == before
    assert not Attestation.objects.filter(tenant=ledger.tenant).exists()
    assert not AttestationLeaf.objects.filter(tenant=ledger.tenant).exists()


def test_several_at_once_stand_in_one_row(ledger: Ledger) -> None:
    ledger.open("alice", funded=1)
    sealing.seal()

    actions = [partial(issuing.issue, ledger.tenant, None, key=f"k{n}", caller=TEST) for n in range(3)]
    assert [isinstance(each, Done) for each in together(actions)] == [True] * 3

    issued = Attestation.objects.filter(tenant=ledger.tenant).order_by("sequence")
    assert [each.sequence for each in issued] == [1, 2, 3]
    hashes = [bytes(each.document_hash).hex() for each in issued]
    assert [stated(each)["previous_attestation_hash"] for each in issued] == [None, *hashes[:2]]


def test_each_currency_is_backed_by_its_own_assets(ledger: Ledger) -> None:
    ledger.run("register_currency", code="USD", scale=2)
    ledger.open("alice", funded=10, currency="CRD")
    ledger.open("bob", funded=40, currency="USD")
    asset = register(ledger, currency="USD", unit="USD", haircut_bps=0, is_eligible=True)
    record(ledger, amount=50)

    crd, usd = stated(attest(ledger, "CRD")), stated(attest(ledger, "USD"))

    assert (crd["assets"], crd["liabilities"]["total"]) == ([], "10")
    assert [each["id"] for each in usd["assets"]] == [asset]
    assert usd["coverage_ratio"] == {"num": "50", "den": "40", "decimal": "1.250000"}
    assert (crd["sequence"], usd["sequence"]) == (1, 1)


@pytest.mark.parametrize("role", ["default", "owner"])
@pytest.mark.parametrize("table", ["reserves_attestation", "reserves_attestationleaf"])
@pytest.mark.parametrize("sql", ["UPDATE {} SET tenant_id = tenant_id", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_nobody_changes_an_attestation(ledger: Ledger, role: str, table: str, sql: str) -> None:
    ledger.open("alice", funded=1)
    attest(ledger)

    with pytest.raises(Exception, match=r"append-only|permission denied"), connections[role].cursor() as cursor:
        cursor.execute(sql.format(table))

    assert Attestation.objects.filter(tenant=ledger.tenant).count() == 1


def test_an_asset_is_stale_one_second_behind_its_limit(ledger: Ledger) -> None:
    ledger.open("alice", funded=100)
    asset = register(ledger, haircut_bps=0, is_eligible=True, max_age_seconds=3600)
    record(ledger, amount=100, ago=0, taken_at=clock.stamp(clock.now() - timedelta(seconds=1)))

    fresh = stated(attest(ledger))
    with clock.moved(timedelta(seconds=3600)):
        stale = stated(attest(ledger))

    assert (fresh["assets"][0]["status"], fresh["stale_asset_ids"]) == ("counted", [])
    assert (stale["assets"][0]["status"], stale["stale_asset_ids"]) == ("stale", [asset])
    assert (stale["raw_reserves_total"], stale["eligible_reserves_total"]) == ("100", "0")
