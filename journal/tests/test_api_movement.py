"""Money over HTTP: exact at every size, once per key, and only one's own."""

import json
import threading
from typing import Any

import pytest
from django.db import connection

from journal.models import Entry
from ledger_project.testing.api import Api, refused
from ledger_project.testing.ledger import Ledger

MOST = 10**38 - 1
TRANSFER: dict[str, Any] = {"from_account": "alice", "to_account": "bob", "amount": "10"}


@pytest.fixture
def shop(api: Api) -> Api:
    api.ledger.open("alice", funded=100)
    api.ledger.open("bob")
    return api


def test_a_transfer_is_answered_with_its_event_entry_and_balances(shop: Api) -> None:
    response = shop.post("/v1/transfers", TRANSFER | {"job_id": "job_123", "metadata": {"model": "m"}}, key="k-1")

    assert response.status_code == 201
    assert "Idempotent-Replayed" not in response
    answer = response.json()
    assert list(answer) == ["event", "entry", "balances"]
    assert (answer["event"]["type"], answer["event"]["idempotency_key"]) == ("transfer.posted", "k-1")
    assert answer["entry"]["references"] == {"job_id": "job_123"}
    assert [(leg["name"], leg["amount"], leg["balance_after"]) for leg in answer["entry"]["postings"]] == [
        ("alice", "10", "90"),
        ("bob", "-10", "10"),
    ]
    assert [(balance["name"], balance["available"]) for balance in answer["balances"]] == [
        ("alice", "90"),
        ("bob", "10"),
    ]


@pytest.mark.parametrize("spelling", [MOST, str(MOST)])
def test_38_digits_travel_exactly(api: Api, spelling: int | str) -> None:
    api.ledger.open("alice", "bob")

    minted = api.post("/v1/mints", {"account": "alice", "amount": spelling}).json()
    moved = api.post("/v1/transfers", TRANSFER | {"amount": spelling}).json()

    assert minted["balances"][0]["available"] == str(MOST)
    assert moved["entry"]["postings"][1]["amount"] == str(-MOST)
    assert api.ledger.balance("bob") == {"available": MOST}
    assert api.get("/v1/accounts/bob/balance").json()["available"] == str(MOST)
    refused(api.post("/v1/mints", {"account": "bob", "amount": 1}), 422, "amount_overflow")


def test_wei_travel_exactly(api: Api) -> None:
    api.post("/v1/currencies", {"code": "ETH", "scale": 18})
    for name in ("alice", "bob"):
        api.post("/v1/accounts", {"name": name, "currency": "ETH"})
    wei = 2**53 + 1  # the first integer that a float cannot hold
    api.post("/v1/mints", {"account": "alice", "amount": 1_000_000 * 10**18})

    api.post("/v1/transfers", TRANSFER | {"amount": wei})

    balance = api.get("/v1/accounts/bob/balance").json()
    assert (balance["available"], balance["scale"], balance["currency"]) == ("9007199254740993", 18, "ETH")
    assert api.ledger.balance("alice") == {"available": 10**24 - wei}


def test_a_repeated_call_is_answered_byte_for_byte_and_not_repeated(shop: Api) -> None:
    body = TRANSFER | {"metadata": {"zz": "1", "a": 2, "naïve": "ü"}, "description": "für Bob"}
    first = shop.post("/v1/transfers", body, key="k")
    shop.post("/v1/transfers", TRANSFER)  # the balances of today are not those of the first answer
    shop.post("/v1/accounts/alice/freeze")

    again = shop.post("/v1/transfers", body | {"amount": 10}, key="k")

    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert (first.headers.get("Idempotent-Replayed"), again["Idempotent-Replayed"]) == (None, "true")
    assert shop.ledger.balance("bob") == {"available": 20}


def test_another_body_under_the_same_key_is_refused_by_its_fields(shop: Api) -> None:
    first = shop.post("/v1/transfers", TRANSFER, key="k").json()
    before = shop.ledger.size()

    problem = refused(
        shop.post("/v1/transfers", TRANSFER | {"amount": 11, "job_id": "j"}, key="k"), 422, "idempotency_key_reused"
    )
    elsewhere = refused(shop.post("/v1/mints", {"account": "bob", "amount": 1}, key="k"), 422, "idempotency_key_reused")

    assert (problem["fields"], problem["event"]) == (["amount", "job_id"], first["event"]["id"])
    assert elsewhere["fields"][0] == "command"
    assert shop.ledger.size() == before


def test_a_refused_call_does_not_spend_its_key(shop: Api) -> None:
    refused(shop.post("/v1/transfers", TRANSFER | {"amount": 101}, key="k"), 402, "insufficient_funds")
    shop.post("/v1/mints", {"account": "alice", "amount": 1})

    response = shop.post("/v1/transfers", TRANSFER | {"amount": 101}, key="k")

    assert response.status_code == 201
    assert "Idempotent-Replayed" not in response


def test_a_key_of_another_tenant_is_another_key(shop: Api) -> None:
    other = Api(Ledger())
    other.ledger.open("alice", "bob", funded=100)

    ours, theirs = shop.post("/v1/transfers", TRANSFER, key="k"), other.post("/v1/transfers", TRANSFER, key="k")

    assert (ours.status_code, theirs.status_code) == (201, 201)
    assert "Idempotent-Replayed" not in theirs


def test_a_key_is_the_same_text_in_the_header_and_in_a_batch(shop: Api) -> None:
    key = "schlüssel-東京"
    first = shop.client.post(
        "/v1/transfers",
        json.dumps(TRANSFER),
        content_type="application/json",
        HTTP_AUTHORIZATION=f"Bearer {shop.token}",
        HTTP_IDEMPOTENCY_KEY=key.encode().decode("latin-1"),
    )
    again = shop.post("/v1/bulk", {"commands": [{"command": "transfer", "idempotency_key": key, "args": TRANSFER}]})

    assert first.json()["event"]["idempotency_key"] == key
    assert again.json()["results"][0]["replayed"] is True


def test_one_key_at_once_makes_one_entry(shop: Api) -> None:
    answers: list[Any] = []
    start = threading.Barrier(16)

    def call() -> None:
        start.wait()
        answers.append(shop.post("/v1/transfers", TRANSFER, key="k"))
        connection.close()

    threads = [threading.Thread(target=call) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {(answer.status_code, answer.content) for answer in answers} == {(201, answers[0].content)}
    assert sum(answer.headers.get("Idempotent-Replayed") == "true" for answer in answers) == 15
    assert shop.ledger.balance("bob") == {"available": 10}
    assert Entry.objects.filter(tenant=shop.ledger.tenant, kind="transfer").count() == 1


def test_a_rehearsal_answers_and_stores_nothing(shop: Api) -> None:
    before = shop.ledger.size()

    response = shop.post("/v1/transfers?dry_run=true", TRANSFER, key="k")

    assert response.status_code == 200
    assert response.json()["dry_run"] is True
    assert [balance["available"] for balance in response.json()["balances"]] == ["90", "10"]
    assert shop.ledger.size() == before
    refused(shop.post("/v1/transfers?dry_run=true", TRANSFER | {"amount": 101}), 402, "insufficient_funds")
    assert shop.post("/v1/transfers?dry_run=false", TRANSFER, key="k").status_code == 201


def test_an_entry_of_several_currencies_is_posted_and_reversed(shop: Api) -> None:
    shop.post("/v1/currencies", {"code": "USD", "scale": 2})
    for name, kind in (("usd:cash", "asset"), ("usd:sales", "revenue")):
        shop.post("/v1/accounts", {"name": name, "currency": "USD", "type": kind, "unbounded": True})
    postings = [
        {"account": "alice", "amount": "30"},
        {"account": "bob", "amount": -30},
        {"account": "usd:cash", "amount": "1250"},
        {"account": "usd:sales", "amount": "-1250"},
    ]

    posted = shop.post("/v1/entries", {"kind": "sale", "description": "thirty credits", "postings": postings}).json()
    reversal = shop.post(f"/v1/entries/{posted['entry']['id']}/reverse", {"reason": "mistake"}).json()

    assert posted["entry"]["kind"] == "sale"
    assert reversal["reverses"] == reversal["entry"]["reverses"] == posted["entry"]["id"]
    assert shop.ledger.balance("alice") == {"available": 100}
    refused(shop.post(f"/v1/entries/{posted['entry']['id']}/reverse", {}), 409, "already_reversed")


def test_an_entry_that_does_not_balance_is_refused(shop: Api) -> None:
    postings = [{"account": "alice", "amount": "30"}, {"account": "bob", "amount": "-29"}]

    problem = refused(shop.post("/v1/entries", {"postings": postings}), 422, "unbalanced_entry")

    assert problem["sums"] == {"CRD": "1"}


def test_another_tenants_rows_do_not_exist(shop: Api) -> None:
    stranger = Api(Ledger())
    stranger.ledger.open("mallory", funded=10)
    [alice] = [
        balance for balance in shop.post("/v1/transfers", TRANSFER).json()["balances"] if balance["name"] == "alice"
    ]
    entry = shop.post("/v1/transfers", TRANSFER).json()["entry"]["id"]
    before = shop.ledger.size(), stranger.ledger.size()

    for ref in ("alice", alice["account"]):
        for address, body in (
            ("/v1/mints", {"account": ref, "amount": 1}),
            ("/v1/burns", {"account": ref, "amount": 1}),
            ("/v1/transfers", {"from_account": ref, "to_account": "mallory", "amount": 1}),
            ("/v1/transfers", {"from_account": "mallory", "to_account": ref, "amount": 1}),
            ("/v1/entries", {"postings": [{"account": "mallory", "amount": 1}, {"account": ref, "amount": -1}]}),
        ):
            assert refused(stranger.post(address, body), 404, "account_not_found")["account"] == ref
    refused(stranger.post(f"/v1/entries/{entry}/reverse", {"reason": "mine"}), 404, "entry_not_found")

    assert (shop.ledger.size(), stranger.ledger.size()) == before
