"""The page that checks attestations and whether an account is counted, in a real browser without a network."""

import base64
import json

import pytest
from playwright.sync_api import expect

from ledger_project.testing.api import Api
from ledger_project.testing.ledger import Ledger
from ledger_project.testing.offline import PROJECT
from ledger_project.web.tests.verify_page import emptied, offline, other_hash, submit, trust, unfold
from reserves import attestation, jws
from reserves.tests.story import attest, record, register

pytestmark = pytest.mark.slow

GENUINE = "This attestation is genuine"
CASES = sorted((PROJECT / "reserves" / "tests" / "cases").glob("*.json"))
MORE = 11  # accounts beside alice: leaves that rise without a sibling are among them


@pytest.fixture(scope="module")
def ledger():
    return Ledger()


@pytest.fixture(scope="module")
def made(ledger):
    ledger.open("alice", *(f"agent:{n}" for n in range(MORE)), funded=100)
    ledger.run("place_hold", account="alice", amount=30, expires_in=3600)
    register(ledger, "bank", haircut_bps=333, is_eligible=True)
    register(ledger, "vault")
    record(ledger, "bank", 1500)
    return attest(ledger)


@pytest.fixture(scope="module")
def proof(ledger, made):
    return Api(ledger, "read", account="alice").get("/attestation/reserve/proof/alice").json()


@pytest.fixture(scope="module")
def loaded(browser, address, made):
    with offline(browser, address) as page:
        yield page


@pytest.fixture
def page(loaded):
    return emptied(loaded)


def give_proof(page, proof):
    unfold(page, "Check that your account is counted", "Proof of an account", json.dumps(proof))


def signed_anew(made, proof, change):
    """What a ledger would sign that lies: the document with a change, under its real key, and a proof that names it."""
    stated = json.loads(made.document)
    change(stated)
    document = attestation.encode(stated)
    return jws.sign(document), proof | {"document_hash": attestation.hash_of(document).hex()}


def test_an_attestation_is_believed_without_a_network(page, made, proof):
    give_proof(page, proof)

    assert submit(page, made.jws) == []

    expect(page.locator("#verdict")).to_contain_text(GENUINE)
    expect(page.locator("#verdict")).to_contain_text(f"includes the 100 (minor units) of {proof['account']}")
    names = [step.get_attribute("data-step") for step in page.locator(".step[data-ok=true]").all()]
    assert names == ["form", "signature", "checkpoint", "figures", "counted"]
    shown = page.locator(".signed").inner_text()
    assert "1200 CRD" in shown
    assert "1450 CRD" in shown  # 1500 less 3.33 %, cut
    assert "1.208333" in shown
    for limit in json.loads(made.document)["limits"]:
        assert limit in shown
    assert page.complaints == []


def test_every_holder_is_found_counted_by_their_own_proof(page, ledger, made):
    api = Api(ledger, "read")

    for n in range(MORE):
        give_proof(page, api.get(f"/attestation/reserve/proof/agent:{n}").json())
        assert submit(page, made.jws) == []


def lower_what_is_owed(stated):
    stated["liabilities"]["redeemable"] = "1"


def lower_it_in_the_total_too(stated):
    stated["liabilities"] |= {"redeemable": "70", "total": "100"}
    stated["coverage_ratio"] |= {"den": "100", "decimal": "14.500000"}


def forget_the_haircut(stated):
    next(asset for asset in stated["assets"] if asset["name"] == "bank")["counted"] = "1500"


def count_a_missing_asset(stated):
    stated["missing_snapshot_asset_ids"] = []


def round_the_ratio_up(stated):
    stated["coverage_ratio"]["decimal"] = "1.208334"


def move_the_checkpoint(stated):
    stated["checkpoint"]["root"] = other_hash(stated["checkpoint"]["root"])


@pytest.mark.parametrize(
    ("change", "failing"),
    [
        (lower_what_is_owed, ["figures"]),
        (lower_it_in_the_total_too, ["counted"]),
        (forget_the_haircut, ["figures"]),
        (count_a_missing_asset, ["figures"]),
        (round_the_ratio_up, ["figures"]),
        (move_the_checkpoint, ["checkpoint"]),
    ],
)
def test_what_a_ledger_signs_that_lies_is_found(page, made, proof, change, failing):
    lie, to_match = signed_anew(made, proof, change)
    give_proof(page, to_match)

    assert submit(page, lie) == failing

    expect(page.locator("#verdict")).to_contain_text("Do not trust this attestation")
    expect(page.get_by_text("which is not proven")).to_be_visible()


def test_what_the_ledger_did_not_sign_is_found(page, made):
    header, _, signature = made.jws.split(".")
    stated = json.loads(made.document)
    stated["liabilities"]["leaf_count"] -= 1
    forged = base64.urlsafe_b64encode(attestation.encode(stated)).decode().rstrip("=")

    assert submit(page, f"{header}.{forged}.{signature}") == ["signature"]

    trust(page, (PROJECT / "client" / "tests" / "vectors" / "jwks.json").read_text(encoding="utf-8"))
    assert submit(page, made.jws) == ["signature", "checkpoint"]  # by the keys of another ledger


def test_a_proof_of_something_else_proves_nothing(page, made, proof):
    sibling = proof["path"][0]
    changes = [
        {"balance": "99"},
        {"balance": "101"},
        {"leaf_index": proof["leaf_index"] ^ 1},
        {"leaf_index": proof["leaf_count"]},
        {"leaf_count": proof["leaf_count"] - 1},
        {"path": []},
        {"path": [*proof["path"], sibling]},
        {"path": [sibling | {"total": str(int(sibling["total"]) - 1)}, *proof["path"][1:]]},  # the naive tree takes it
        {"account": "acc_00000000000000000000000000000001"},
        {"salt": "00" * 32},
        {"attestation": "att_00000000000000000000000000000001"},
        {"document_hash": "00" * 32},
    ]
    for change in changes:
        give_proof(page, proof | change)
        assert submit(page, made.jws) == ["counted"], change


def test_the_figures_of_every_documented_case_follow(page):
    check = """async (text) => {
        const {parse} = await import('/static/verify/format.js');
        const {checkFigures} = await import('/static/verify/attestation.js');
        return checkFigures({stated: parse(text)});
    }"""
    assert CASES
    for case in CASES:
        stated = json.loads(case.read_text(encoding="utf-8"))
        found = page.evaluate(check, json.dumps(stated))
        assert found == {
            "owed": stated["liabilities"]["total"],
            "eligible": stated["eligible_reserves_total"],
            "decimal": stated["coverage_ratio"] and stated["coverage_ratio"]["decimal"],
        }, case.stem


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("eyJhbGciOiJub25lIn0.e30.AAAA", "“kid” is missing"),
        ("a.b.c", "It is not"),
    ],
)
def test_what_is_no_attestation_is_said_to_be_none(page, given, words):
    assert submit(page, given) == ["form"]

    expect(page.locator("#verdict")).to_contain_text("This is not an attestation that can be checked")
    expect(page.locator("#verdict")).to_contain_text(words)
    assert page.complaints == []


def test_one_without_its_signature_is_asked_for_with_it(page, made):
    assert submit(page, made.document) == ["form"]

    expect(page.locator("#verdict")).to_contain_text("ask for it with ?format=jws")


@pytest.mark.parametrize("width", [1280, 390])
def test_it_fits_its_screen(page, made, proof, width):
    page.set_viewport_size({"width": width, "height": 844})
    give_proof(page, proof)
    submit(page, made.jws)
    for summary in page.locator("#report summary").all():
        summary.click()

    assert page.evaluate("document.documentElement.scrollWidth") <= width
