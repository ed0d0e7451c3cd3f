"""Receipts, proofs, exports and keys over HTTP, checked with the offline verifier."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from ledger_project.kernel import merkle
from ledger_project.kernel.keys import PublishedKey
from ledger_project.log import sealing, signing
from ledger_project.log.models import Leaf
from ledger_project.testing.api import Api, refused
from ledger_project.testing.databases import own_database
from ledger_project.testing.ledger import Ledger
from ledger_project.testing.offline import ledger_verify

pytestmark = pytest.mark.slow


@pytest.fixture
def shop(api: Api) -> Api:
    api.ledger.open("alice", funded=100)
    api.ledger.open("bob")
    api.ledger.run("transfer", from_account="alice", to_account="bob", amount=30, job_id="job_1")
    sealing.seal()
    return api


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """The published keys, as a client keeps them."""
    path = tmp_path / "jwks.json"
    path.write_bytes(Client().get("/.well-known/jwks.json").content)
    return path


def saved(path: Path, content: Any) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def newest(api: Api, kind: str) -> str:
    return str(api.get(f"/v1/events?type={kind}").json()["results"][0]["id"])


def test_a_receipt_convinces_the_offline_verifier(shop: Api, keys: Path, tmp_path: Path) -> None:
    event = newest(shop, "transfer.posted")

    receipt = shop.get(f"/v1/events/{event}/receipt").json()

    assert list(receipt) == ["version", "event", "content_hash", "log_index", "inclusion_path", "checkpoint"]
    assert receipt["event"]["payload"]["job_id"] == "job_1"
    report = ledger_verify("receipt", saved(tmp_path / "receipt", receipt), "--jwks", keys, "--max-age", 60)
    assert report["ok"], report
    assert (report["event_id"], report["log_index"]) == (event, receipt["log_index"])


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda receipt: receipt["event"]["entry"]["postings"][0].update(amount="3000"), 12),
        (lambda receipt: receipt.update(log_index=receipt["log_index"] - 1), 12),
        (lambda receipt: receipt.update(checkpoint=receipt["checkpoint"].replace("ledger.local", "ledger.lokal")), 10),
    ],
)
def test_a_receipt_that_was_forged_does_not(shop: Api, keys: Path, tmp_path: Path, spoil: Any, code: int) -> None:
    receipt = shop.get(f"/v1/events/{newest(shop, 'transfer.posted')}/receipt").json()
    spoil(receipt)

    assert ledger_verify("receipt", saved(tmp_path / "receipt", receipt), "--jwks", keys)["exit_code"] == code


def test_an_event_that_is_not_sealed_has_no_receipt_yet(shop: Api) -> None:
    shop.ledger.open("carol")
    event = newest(shop, "account.opened")

    problem = refused(shop.get(f"/v1/events/{event}/receipt"), 409, "event_not_sealed")

    assert problem["event"] == event
    sealing.seal()
    assert shop.get(f"/v1/events/{event}/receipt").status_code == 200


def test_nobody_sees_the_receipts_and_events_of_others(shop: Api) -> None:
    event = newest(shop, "transfer.posted")
    mallory = Api(Ledger())

    refused(mallory.get(f"/v1/events/{event}/receipt"), 404, "event_not_found")
    refused(mallory.get("/v1/events/evt_0/receipt"), 404, "event_not_found")
    export = mallory.get("/v1/log/export").getvalue().decode()
    assert event not in export
    assert "alice" not in export


def test_an_export_convinces_the_offline_verifier_and_gives_the_balances(shop: Api, keys: Path, tmp_path: Path) -> None:
    Ledger().open("somebody-else", funded=5)
    sealing.seal()

    answer = shop.get("/v1/log/export", Accept="application/x-ndjson")

    assert answer["Content-Type"] == "application/x-ndjson"
    report = ledger_verify("log", saved(tmp_path / "log", answer.getvalue().decode()), "--jwks", keys)
    assert report["ok"], report
    assert report["size"] == Leaf.objects.count()
    assert report["events"] == Leaf.objects.filter(tenant=shop.ledger.tenant).count()
    balances = {facts["name"]: facts["balances"] for facts in report["balances"].values()}
    assert balances["alice"] == {"available": "70"}
    assert balances["bob"] == {"available": "30"}
    assert report["partial"] == []


def test_checkpoints_are_consistent_with_those_that_were_saved(shop: Api, keys: Path, tmp_path: Path) -> None:
    before = shop.get("/v1/log/checkpoint").json()
    shop.ledger.execute(*(shop.ledger.call("open_account", name=f"a{n}") for n in range(300)))
    sealing.seal()
    after = shop.get("/v1/log/checkpoint").json()

    proof = shop.get(f"/v1/log/consistency?from={before['size']}&to={after['size']}").json()

    assert list(proof) == ["old_size", "new_size", "path"]
    assert proof["new_size"] == after["size"] >= before["size"] + 300
    assert shop.get(f"/v1/log/consistency?from={before['size']}").json() == proof
    old = saved(tmp_path / "old", before["checkpoint"])
    new = saved(tmp_path / "new", after["checkpoint"])
    words = ("checkpoint", new, "--jwks", keys, "--prev-checkpoint", old, "--consistency")
    assert ledger_verify(*words, saved(tmp_path / "proof", proof))["ok"]
    proof["path"][0] = "00" * 32
    assert ledger_verify(*words, saved(tmp_path / "forged", proof))["exit_code"] == 11


@pytest.mark.parametrize("query", ["", "from=x", "from=-1", "from=99999999", "from=2&to=1", "from=0&to=99999999"])
@pytest.mark.parametrize("what", ["consistency", "leaves"])
def test_what_is_no_range_of_the_log_is_refused(shop: Api, what: str, query: str) -> None:
    assert refused(shop.get(f"/v1/log/{what}?{query}"), 422, "invalid_request")["field"] in {"from", "to"}


def test_all_leaf_hashes_give_the_root(shop: Api) -> None:
    head = shop.get("/v1/log/checkpoint").json()
    hashes: list[str] = []
    while len(hashes) < head["size"]:
        page = shop.get(f"/v1/log/leaves?from={len(hashes)}&to={min(head['size'], len(hashes) + 100)}").json()
        assert page["size"] == head["size"]
        hashes += page["leaf_hashes"]

    assert merkle.root_of(map(bytes.fromhex, hashes)).hex() == head["root"]


def test_the_head_and_the_keys_are_public(shop: Api) -> None:
    note = Client().get("/log/checkpoint")
    jwks = Client().get("/.well-known/jwks.json")

    assert note["Content-Type"] == "text/plain; charset=utf-8"
    assert note.content.decode() == shop.get("/v1/log/checkpoint").json()["checkpoint"]
    assert jwks["Content-Type"] == "application/jwk-set+json"
    [key] = map(PublishedKey.from_jwk, jwks.json()["keys"])
    assert key.public_key == signing.signer().verifier.public_key
    assert key.retired_at is None


def test_the_feed_is_in_the_order_of_the_log_and_has_no_gap(shop: Api) -> None:
    shop.ledger.open("carol")  # not sealed
    mine = list(
        Leaf.objects.filter(tenant=shop.ledger.tenant).order_by("log_index").values_list("log_index", flat=True)
    )

    seen: list[int] = []
    while page := shop.get(f"/v1/events?after={seen[-1] if seen else -1}&limit=2").json()["results"]:
        assert len(page) <= 2
        seen += [event["log_index"] for event in page]

    assert seen == mine
    first = shop.get("/v1/events?after=-1&limit=3").json()
    assert [event["state"] for event in first["results"]] == ["sealed"] * 3
    rest = shop.get(f"/v1/events?after=-1&limit=500&cursor={first['next']}").json()
    assert [event["log_index"] for event in rest["results"]] == mine[3:]
    only = shop.get("/v1/events?after=-1&type=transfer.posted").json()["results"]
    assert [event["type"] for event in only] == ["transfer.posted"]


def test_readyz_tells_of_the_log_and_stays_ready(settings: Settings) -> None:
    with own_database():
        sealing.seal()
        assert Client().get("/readyz").json() == {
            "status": "ok",
            "checks": {"database": "ok", "redis": "ok", "log": "ok"},
        }
        Ledger()
        settings.SEAL_MAX_LAG = 0

        answer = Client().get("/readyz")

        assert answer.status_code == 200
        assert answer.json()["status"] == "degraded"
        assert answer.json()["checks"]["log"].startswith("an event has been waiting to be sealed for ")
