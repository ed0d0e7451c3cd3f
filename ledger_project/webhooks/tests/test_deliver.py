"""Delivery: every sealed event once at least, signed, in order, and nothing that was refused."""

import base64
import json
import time

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from standardwebhooks import Webhook as StandardWebhook

from accounts.errors import InsufficientFunds
from ledger_project.kernel import canonical
from ledger_project.log import feed
from ledger_project.testing.ledger import Ledger
from ledger_project.webhooks import queries, sender
from ledger_project.webhooks.tests.conftest import Register, seal_and_deliver
from ledger_project.webhooks.tests.receiver import Receiver, Reply


def test_a_sealed_event_is_posted_with_all_it_carries(ledger: Ledger, register: Register, receiver: Receiver) -> None:
    hook = register("transfer.posted")
    ledger.open("alice", funded=100)
    ledger.open("bob")
    done = ledger.run("transfer", from_account="alice", to_account="bob", amount=10, job_id="job_1")

    seal_and_deliver()

    (request,) = receiver.received
    body = json.loads(request.body)
    assert request.path == "/hook"
    assert request.headers["content-type"] == "application/json"
    assert body["type"] == "transfer.posted"
    assert body["timestamp"] == done.document["recorded_at"]
    data = body["data"]
    assert data["id"] == done.document["id"]
    assert [posting["amount"] for posting in data["entry"]["postings"]] == ["10", "-10"]
    assert hook.states == ["delivered"]
    place = {name: data.pop(name) for name in ("log_index", "content_hash", "seed_types")}
    assert data == done.document
    assert canonical.content_hash(data).hex() == place["content_hash"] == done.content_hash.hex()
    assert place["seed_types"] == []
    assert place["log_index"] == hook.deliveries[0].log_index


def test_both_signatures_verify(ledger: Ledger, register: Register, receiver: Receiver) -> None:
    hook = register()
    ledger.open("alice", funded=100)

    seal_and_deliver()

    (request,) = receiver.received
    StandardWebhook(hook.secret).verify(request.body, request.headers)
    key = queries.show_webhook(hook.row)["public_key"]
    assert key.startswith("whpk_")
    _, signature = next(each.split(",") for each in request.headers["webhook-signature"].split() if "v1a" in each)
    signed = f"{request.id}.{request.headers['webhook-timestamp']}.".encode() + request.body
    Ed25519PublicKey.from_public_bytes(base64.b64decode(key[5:])).verify(base64.b64decode(signature), signed)


def test_nothing_is_delivered_before_it_is_sealed(ledger: Ledger, register: Register, receiver: Receiver) -> None:
    register()
    seal_and_deliver()
    ledger.open("alice", funded=100)

    sender.deliver()

    assert receiver.received == []


def test_a_refused_command_is_not_told(ledger: Ledger, register: Register, receiver: Receiver) -> None:
    hook = register("*")
    ledger.open("alice", "bob")
    with pytest.raises(InsufficientFunds):
        ledger.run("transfer", from_account="alice", to_account="bob", amount=10)
    ledger.run("open_account", dry_run=True, name="carol")

    seal_and_deliver()

    told = [json.loads(request.body)["type"] for request in receiver.received]
    assert told == ["webhook.registered", "account.opened", "account.opened"]
    assert hook.states == ["delivered"] * 3


def test_events_come_in_the_order_of_the_log(ledger: Ledger, register: Register, receiver: Receiver) -> None:
    register()
    ledger.open("alice", "bob", funded=1000)
    for _ in range(50):
        ledger.run("transfer", from_account="alice", to_account="bob", amount=1)

    seal_and_deliver()

    indexes = [json.loads(request.body)["data"]["log_index"] for request in receiver.received]
    assert len(indexes) == 52
    assert indexes == sorted(indexes)
    assert len(set(receiver.ids)) == 52
    assert len({request.connection for request in receiver.received}) == 1, "one connection serves a turn"


def test_types_choose_and_tenants_are_apart(ledger: Ledger, register: Register, receiver: Receiver) -> None:
    stranger = Ledger()
    register("account.opened")
    register("credits.*", to=stranger)
    for books in (ledger, stranger):
        books.open("alice", funded=100)

    seal_and_deliver()

    told = [json.loads(request.body)["data"] for request in receiver.received]
    assert sorted((each["tenant"], each["type"]) for each in told) == sorted(
        [(f"ten_{ledger.tenant}", "account.opened"), (f"ten_{stranger.tenant}", "credits.minted")]
    )


def test_a_seed_name_is_as_good_as_a_type(ledger: Ledger, register: Register, receiver: Receiver) -> None:
    register("promo_mint")
    ledger.open("alice")
    ledger.run("promo_mint", account="alice", amount=5)

    seal_and_deliver()

    (request,) = receiver.received
    assert json.loads(request.body)["data"]["seed_types"] == ["promo_mint"]


def test_a_sealed_capture_is_an_order_and_a_payment(ledger: Ledger, register: Register, receiver: Receiver) -> None:
    register("PAYMENT_SUCCEEDED")
    ledger.open("alice", funded=10)
    ledger.open("shop")
    hold = ledger.run("place_hold", account="alice", to_account="shop", amount=10).document["result"]["hold"]["id"]
    ledger.run("capture_hold", hold=hold, amount=7)

    seal_and_deliver()

    (request,) = receiver.received
    assert json.loads(request.body)["data"]["seed_types"] == ["ORDER_CREATED", "PAYMENT_SUCCEEDED"]


def test_an_event_too_big_for_a_message_is_told_thin(ledger: Ledger, register: Register, receiver: Receiver) -> None:
    register("account.opened")
    ledger.run("open_account", name="alice", metadata={f"note-{n}": "x" * 1000 for n in range(30)})

    seal_and_deliver()

    (request,) = receiver.received
    data = json.loads(request.body)["data"]
    assert len(request.body) < 20_000
    assert data["thin"] is True
    assert "payload" not in data
    assert data["content_hash"] == feed.read(data["log_index"] - 1, 1)[0].content_hash.hex()


def test_what_opens_doors_is_left_out(ledger: Ledger, register: Register, receiver: Receiver) -> None:
    register("api_key.issued")
    ledger.run("issue_api_key", name="k", scopes=["read"], prefix="0123456789ab", digest="00" * 32)

    seal_and_deliver()

    data = json.loads(receiver.received[0].body)["data"]
    assert data["redacted"] == ["digest", "prefix"]
    assert data["payload"] == {"name": "k", "scopes": ["read"]}


def test_the_wire_is_prompt(ledger: Ledger, register: Register, receiver: Receiver) -> None:
    """Slow receivers do not hold up the others: each endpoint has a thread of its own."""
    slow = Receiver()
    slow.behaves = lambda request: Reply(wait=1.0)
    register("credits.*", url=slow.url)
    register("credits.*")
    ledger.open("alice", funded=100)
    arrived: list[float] = []
    receiver.behaves = lambda request: (arrived.append(time.monotonic()), Reply())[1]
    started = time.monotonic()

    seal_and_deliver()

    slow.stop()
    assert arrived[0] - started < 0.9
    assert len(slow.received) == 1
