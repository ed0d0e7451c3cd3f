"""What the key of one account hears: its own events, without what others have, and nothing after the key has ended."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from pytest_django import Settings

from accounts.models import Account
from ledger_project.kernel import clock, ids
from ledger_project.log import sealing
from ledger_project.log.models import Leaf
from ledger_project.testing.api import Api, refused
from ledger_project.testing.ledger import Ledger
from ledger_project.webhooks import stream
from ledger_project.webhooks.models import Endpoint
from ledger_project.webhooks.tests.conftest import seal_and_deliver
from ledger_project.webhooks.tests.receiver import Receiver
from ledger_project.webhooks.tests.test_event_stream import ADDRESS, read

pytestmark = pytest.mark.slow


@pytest.fixture
def ledger(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    """Alice and Bob with 500 each, and streams that end soon."""
    settings.EVENT_STREAM_SECONDS = 1
    monkeypatch.setattr(stream, "POLL", 0.02)
    made = Ledger()
    made.open("alice", "bob", funded=500)
    return made


def account(ledger: Ledger, name: str) -> str:
    return ids.show("acc", Account.objects.get(tenant=ledger.tenant, name=name).pk)


def after(data: dict[str, Any]) -> dict[str, Any]:
    """What each account had after the entry."""
    return {posting["account"]: posting["balance_after"] for posting in data["entry"]["postings"]}


def test_a_stream_tells_an_account_what_concerns_it(ledger: Ledger) -> None:
    key = Api(ledger, account="alice")
    ledger.run("mint", account="bob", amount=77)
    ledger.run("transfer", from_account="bob", to_account="alice", amount=6)
    ledger.run("freeze_account", account="bob")
    ledger.run("freeze_account", account="alice")
    sealing.seal()

    events = read(key.get(f"{ADDRESS}?after=-1"))

    types = [type for _, type, _ in events]
    assert types == ["account.opened", "credits.minted", "api_key.issued", "transfer.posted", "account.frozen"]
    alice, bob = account(ledger, "alice"), account(ledger, "bob")
    paid = events[3][2]
    assert after(paid) == {bob: None, alice: "506"}
    assert paid["redacted"] == ["others"]
    assert [len(paid["result"]["balances"]), "redacted" in events[4][2]] == [1, False]
    assert '"571"' not in json.dumps(paid)
    whole = read(Api(ledger).get(f"{ADDRESS}?after={events[3][0] - 1}"))[0][2]
    assert after(whole) == {bob: "571", alice: "506"}


def test_who_reconnects_goes_on_behind_what_was_others(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sign of life says how far the log was looked through."""
    key = Api(ledger, account="alice")
    sealing.seal()
    for amount in range(1, 6):
        ledger.run("mint", account="bob", amount=amount)
    sealing.seal()
    monkeypatch.setattr(stream, "HEARTBEAT", 0.05)
    newest = Leaf.objects.filter(tenant=ledger.tenant).latest("log_index").log_index

    heard = b"".join(key.get(f"{ADDRESS}?after=-1")).decode()

    assert f"\n\nid: {newest}\n\n" in heard
    assert heard.count("event: ") == 3


@contextmanager
def a_writer(ledger: Ledger) -> Iterator[None]:
    """Somebody who posts and seals all the time."""
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            ledger.run("mint", account="alice", amount=1)
            sealing.seal()
        connections.close_all()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    yield
    stop.set()
    thread.join(30)


@pytest.mark.parametrize("bound", [{}, {"account": "alice"}])
def test_a_revoked_key_hears_nothing_more_however_much_there_is_to_tell(
    ledger: Ledger, settings: Settings, bound: dict[str, str]
) -> None:
    """The stream is never idle: 50 events wait, and more come."""
    settings.EVENT_STREAM_SECONDS, settings.API_KEY_CACHE_SECONDS = 60, 0
    key = Api(ledger, **bound)
    for amount in range(1, 51):
        ledger.run("mint", account="alice", amount=amount)
    sealing.seal()
    with a_writer(ledger):
        heard = iter(key.get(f"{ADDRESS}?after=-1"))
        assert next(heard).startswith(b"retry: 1000")
        assert b"event: " in next(heard)

        ledger.run("revoke_api_key", api_key=key.id)

        assert list(heard) == []
    assert stream.places._taken.total() == 0


def test_a_key_that_expires_hears_nothing_more(ledger: Ledger, settings: Settings) -> None:
    settings.EVENT_STREAM_SECONDS = 60
    key = Api(ledger, expires_in=60)
    sealing.seal()
    heard = iter(key.get(f"{ADDRESS}?after=-1"))
    assert next(heard).startswith(b"retry: 1000")
    assert b"event: " in next(heard)

    with clock.moved(timedelta(seconds=61)):
        assert list(heard) == []


def test_who_waits_for_the_seal_waits_no_longer_than_the_key_is_good(ledger: Ledger, settings: Settings) -> None:
    settings.SEAL_WAIT, settings.API_KEY_CACHE_SECONDS = 60, 0
    key = Api(ledger)
    answers = []
    waiter = threading.Thread(
        target=lambda: (
            answers.append(key.post("/v1/accounts?wait=sealed", {"name": "carol"})),
            connections.close_all(),
        )
    )
    waiter.start()
    while not Account.objects.filter(tenant=ledger.tenant, name="carol"):
        time.sleep(0.01)

    ledger.run("revoke_api_key", api_key=key.id)
    waiter.join(30)

    assert not waiter.is_alive()
    assert (answers[0].status_code, answers[0].json()["event"]["state"]) == (201, "recorded")


def test_a_webhook_of_an_account_is_told_of_that_account_alone(ledger: Ledger, receiver: Receiver) -> None:
    key = Api(ledger, account="alice")
    made = key.post("/v1/webhooks", {"url": receiver.url, "types": ["*"]}).json()["webhook"]
    ledger.run("mint", account="bob", amount=77)
    ledger.run("transfer", from_account="bob", to_account="alice", amount=6)
    ledger.run("transfer", from_account="bob", to_account="alice", amount=5)
    ledger.run("freeze_account", account="bob")

    seal_and_deliver()

    alice, bob = account(ledger, "alice"), account(ledger, "bob")
    told = [json.loads(request.body)["data"] for request in receiver.received]
    assert made["account"] == alice
    assert [each["type"] for each in told] == ["webhook.registered", "transfer.posted", "transfer.posted"]
    assert [after(each) for each in told[1:]] == [{bob: None, alice: "506"}, {bob: None, alice: "511"}]
    assert [each["redacted"] for each in told[1:]] == [["others"], ["others"]]

    receiver.received.clear()
    key.post(f"/v1/webhooks/{made['id']}/replay", {"from_log_index": 0})
    seal_and_deliver()

    told = [json.loads(request.body)["data"] for request in receiver.received]
    assert [each["type"] for each in told] == [
        "account.opened",
        "credits.minted",
        "api_key.issued",
        "webhook.registered",
        "transfer.posted",
        "transfer.posted",
        "webhook.replayed",
    ]
    assert all(bob not in json.dumps(each.get("result")) for each in told)
    key.post(f"/v1/webhooks/{made['id']}", method="DELETE")


CHANGES = [
    ("PATCH", "", {"url": "https://mallory.example/"}),
    ("DELETE", "", None),
    ("POST", "/rotate-secret", None),
    ("POST", "/replay", {"from_log_index": 0}),
]


@pytest.mark.parametrize(("method", "what", "body"), CHANGES)
@pytest.mark.parametrize("owner", [{}, {"account": "bob"}], ids=["the tenant's", "another's"])
def test_another_s_webhook_is_not_there(
    ledger: Ledger, method: str, what: str, body: Any, owner: dict[str, str]
) -> None:
    theirs = Api(ledger, **owner)
    made = theirs.post("/v1/webhooks", {"url": "https://bob.example/", "types": ["*"]}).json()["webhook"]
    key = Api(ledger, account="alice")

    refused(key.post(f"/v1/webhooks/{made['id']}{what}", body, method=method), 404, "webhook_not_found")
    refused(key.get(f"/v1/webhooks/{made['id']}"), 404, "webhook_not_found")
    refused(key.get(f"/v1/webhooks/{made['id']}/deliveries"), 404, "webhook_not_found")

    assert key.get("/v1/webhooks").json()["results"] == []
    assert Endpoint.objects.get(pk=ids.read("wbh", made["id"])).generation == 1
    theirs.post(f"/v1/webhooks/{made['id']}", method="DELETE")


def test_another_s_delivery_is_not_sent_again(ledger: Ledger, receiver: Receiver) -> None:
    key, other = Api(ledger, account="alice"), Api(ledger, account="bob")
    mine, theirs = (
        each.post("/v1/webhooks", {"url": receiver.url, "types": ["*"]}).json()["webhook"]["id"]
        for each in (key, other)
    )
    seal_and_deliver()
    delivery = {
        id: api.get(f"/v1/webhooks/{id}/deliveries").json()["results"][0]["id"]
        for api, id in ((key, mine), (other, theirs))
    }

    again = f"/v1/webhooks/{{}}/deliveries/{delivery[theirs]}/redeliver"
    refused(key.post(again.format(theirs)), 404, "webhook_not_found")
    refused(key.post(again.format(mine)), 404, "delivery_not_found")
    assert key.post(f"/v1/webhooks/{mine}/deliveries/{delivery[mine]}/redeliver").status_code == 201
    for api, id in ((key, mine), (other, theirs)):
        api.post(f"/v1/webhooks/{id}", method="DELETE")
