"""Webhooks over HTTP: registered, changed, rotated, replayed and deleted, each once per key and each in the log."""

import base64
import json
from datetime import timedelta
from typing import Any

import pytest
from standardwebhooks import Webhook as StandardWebhook
from standardwebhooks import WebhookVerificationError

from ledger_project.kernel import clock
from ledger_project.log import sealing
from ledger_project.log.models import Event
from ledger_project.testing.api import Api
from ledger_project.testing.crowd import together
from ledger_project.testing.ledger import Ledger
from ledger_project.webhooks import rows, sender, tasks
from ledger_project.webhooks.models import Endpoint, Secret
from ledger_project.webhooks.tests.conftest import Register, seal_and_deliver
from ledger_project.webhooks.tests.receiver import Receiver, Reply

URL = "https://hooks.example.com/ledger"


@pytest.fixture
def api(ledger: Ledger) -> Any:
    api = Api(ledger)
    yield api
    for row in Endpoint.objects.filter(tenant=ledger.tenant, deleted_at__isnull=True):
        ledger.run("delete_webhook", webhook=f"wbh_{row.pk.hex}")


def test_the_secret_is_shown_once_and_is_not_in_the_log(api: Api) -> None:
    reply = api.post("/v1/webhooks", {"url": URL, "types": ["hold.*", "transfer.posted"]}, key="k")

    made = reply.json()
    assert reply.status_code == 201
    assert made["webhook"] == {
        "id": made["webhook"]["id"],
        "account": None,
        "url": URL,
        "types": ["hold.*", "transfer.posted"],
        "description": "",
        "ordered": True,
        "status": "enabled",
        "disabled_reason": None,
        "disabled_at": None,
        "secret_generation": 1,
        "secret_rotated_at": None,
        "created_at": made["event"]["recorded_at"],
        "deleted_at": None,
    }
    secret = base64.b64decode(made["signing_secret"].removeprefix("whsec_"))
    assert len(secret) == 32
    again = api.post("/v1/webhooks", {"url": URL, "types": ["hold.*", "transfer.posted"]}, key="k")
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.json() == {**made, "signing_secret": None}
    event = Event.objects.get(tenant=api.ledger.tenant, type="webhook.registered")
    stored = json.dumps([event.payload, event.result]) + Secret.objects.get(tenant=api.ledger.tenant).sealed
    assert made["signing_secret"].removeprefix("whsec_") not in stored


def test_a_rehearsal_registers_nothing(api: Api) -> None:
    reply = api.post("/v1/webhooks?dry_run=true", {"url": URL, "types": ["*"]})

    assert reply.status_code == 200
    assert reply.json()["signing_secret"] is None
    assert api.get("/v1/webhooks").json() == {"results": [], "next": None}


def test_one_is_read_as_it_was_registered_with_how_it_fares(api: Api) -> None:
    made = api.post("/v1/webhooks", {"url": URL, "types": ["*"], "description": "prod"}).json()

    shown = api.get(f"/v1/webhooks/{made['webhook']['id']}").json()

    extra = {name: shown.pop(name) for name in ("next_log_index", "failing_since", "last_success_at", "public_key")}
    assert shown == made["webhook"]
    assert extra == {
        "next_log_index": None,
        "failing_since": None,
        "last_success_at": None,
        "public_key": made["public_key"],
    }
    assert extra["public_key"].startswith("whpk_")
    assert [each["id"] for each in api.get("/v1/webhooks").json()["results"]] == [shown["id"]]


def test_it_is_changed_disabled_and_deleted(api: Api) -> None:
    one = f"/v1/webhooks/{api.post('/v1/webhooks', {'url': URL, 'types': ['*']}).json()['webhook']['id']}"

    changed = api.post(one, {"types": ["hold.*"], "description": "new"}, method="PATCH").json()["webhook"]
    assert (changed["types"], changed["description"], changed["url"]) == (["hold.*"], "new", URL)
    disabled = api.post(one, {"enabled": False}, method="PATCH").json()["webhook"]
    assert (disabled["status"], disabled["disabled_reason"]) == ("disabled", "requested")
    assert api.post(f"{one}/replay", {"from_log_index": 0}).json()["code"] == "webhook_disabled"
    enabled = api.post(one, {"enabled": True, "description": ""}, method="PATCH").json()["webhook"]
    assert (enabled["status"], enabled["disabled_reason"], enabled["description"]) == ("enabled", None, "")
    deleted = api.post(one, method="DELETE", key="d")
    assert deleted.status_code == 201
    assert deleted.json()["webhook"]["deleted_at"] is not None
    assert api.get(one).status_code == 404
    assert api.post(one, {"description": "x"}, method="PATCH").json()["code"] == "webhook_not_found"
    assert api.post(one, method="DELETE", key="d").json() == deleted.json()
    assert Secret.objects.filter(tenant=api.ledger.tenant).count() == 0
    assert api.ledger.tail(5) == [
        "webhook.registered",
        *["webhook.updated"] * 3,
        "webhook.deleted",
    ]


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({"types": ["*"]}, "invalid_request", "url"),
        ({"url": URL}, "invalid_request", "types"),
        ({"url": URL, "types": []}, "invalid_request", "types"),
        ({"url": URL, "types": ["hold*"]}, "invalid_request", "types[0]"),
        ({"url": URL, "types": "*"}, "invalid_request", "types"),
        ({"url": "ftp://x/", "types": ["*"]}, "invalid_request", "url"),
        ({"url": URL, "types": ["*"], "secret": "whsec_mine"}, "unknown_field", "secret"),
        ({"url": URL, "types": ["hold.vanished"]}, "unknown_event_type", None),
        ({"url": "https://127.0.0.1/", "types": ["*"]}, "unsafe_url", None),
    ],
)
def test_what_is_wrong_is_refused_by_name(api: Api, body: dict[str, Any], code: str, field: str | None) -> None:
    before = api.ledger.size()

    problem = api.post("/v1/webhooks", body).json()

    assert (problem["status"], problem["code"], problem.get("field")) == (422, code, field)
    assert api.ledger.size() == before


def test_no_key_no_call(api: Api) -> None:
    assert api.post("/v1/webhooks", {"url": URL, "types": ["*"]}, key=None).json()["code"] == "idempotency_key_required"


def test_another_tenant_finds_nothing(api: Api, register: Register) -> None:
    hook = register(to=Ledger())
    one = f"/v1/webhooks/{hook.id}"
    seal_and_deliver()

    assert api.get(one).status_code == 404
    assert api.get(f"{one}/deliveries").status_code == 404
    assert api.get("/v1/webhooks").json()["results"] == []
    for path, body, method in [
        ("", {"enabled": False}, "PATCH"),
        ("", {}, "DELETE"),
        ("/rotate-secret", {}, "POST"),
        ("/replay", {"from_log_index": 0}, "POST"),
        (f"/deliveries/dlv_{'0' * 32}/redeliver", {}, "POST"),
    ]:
        assert api.post(f"{one}{path}", body, method=method).status_code == 404
    assert hook.row.enabled


def test_scopes_are_asked_for(ledger: Ledger) -> None:
    reader = Api(ledger, "read")
    assert reader.get("/v1/webhooks").status_code == 200
    assert reader.post("/v1/webhooks", {"url": URL, "types": ["*"]}).status_code == 403


def test_there_are_fifty_at_most_even_for_those_who_hurry(api: Api) -> None:
    calls = [lambda: api.ledger.run("register_webhook", url=URL, types=["*"]) for _ in range(8)]
    for _ in range(rows.SLOTS // 8):
        assert not [each for each in together(calls) if isinstance(each, Exception)]

    outcomes = together(calls)

    refused = [each for each in outcomes if isinstance(each, Exception)]
    assert len(refused) == 8 - rows.SLOTS % 8
    assert {getattr(each, "code", "") for each in refused} == {"too_many_webhooks"}
    assert Endpoint.objects.filter(tenant=api.ledger.tenant).count() == rows.SLOTS
    first = api.get("/v1/webhooks?limit=1").json()["results"][0]["id"]
    api.ledger.run("delete_webhook", webhook=first)
    api.ledger.run("register_webhook", url=URL, types=["*"])


def test_a_rotated_secret_signs_beside_the_new_one_for_a_day(
    ledger: Ledger, register: Register, receiver: Receiver
) -> None:
    hook = register("credits.*")
    api = Api(ledger)
    new = api.post(f"/v1/webhooks/{hook.id}/rotate-secret").json()["signing_secret"]
    ledger.open("alice", funded=1)
    seal_and_deliver()

    (request,) = receiver.received
    assert request.headers["webhook-signature"].count("v1,") == 2
    for secret in (hook.secret, new):
        StandardWebhook(secret).verify(request.body, request.headers)

    ledger.run("mint", account="alice", amount=1)
    sealing.seal()
    with clock.moved(timedelta(hours=24, seconds=1)):
        sender.deliver()
    later = receiver.received[1]
    assert later.headers["webhook-signature"].count("v1,") == 1

    newest = api.post(f"/v1/webhooks/{hook.id}/rotate-secret").json()["signing_secret"]
    newest = api.post(f"/v1/webhooks/{hook.id}/rotate-secret").json()["signing_secret"]
    ledger.run("mint", account="alice", amount=1)
    seal_and_deliver()
    last = receiver.received[2]
    StandardWebhook(newest).verify(last.body, last.headers)
    for stale in (hook.secret, new):
        with pytest.raises(WebhookVerificationError):
            StandardWebhook(stale).verify(last.body, last.headers)
    assert Secret.objects.filter(endpoint=hook.row).count() == 2


def test_the_log_of_deliveries_says_what_came_back_when(ledger: Ledger, register: Register, receiver: Receiver) -> None:
    hook = register("credits.*")
    api = Api(ledger)
    ledger.open("alice", funded=1)
    receiver.behaves = lambda request: Reply(500, body=b"out of order")
    seal_and_deliver()

    (shown,) = api.get(f"/v1/webhooks/{hook.id}/deliveries?state=pending").json()["results"]

    (attempt,) = shown["attempts"]
    (request,) = receiver.received
    assert shown["id"] == request.id
    assert shown["next_attempt_at"] > clock.stamp(clock.now())
    assert attempt["request_id"] == request.headers["x-request-id"]
    assert (attempt["status"], attempt["error"], attempt["detail"]) == (500, None, "out of order")
    assert attempt["url"] == receiver.url
    assert attempt["started_at"] < attempt["ended_at"]
    assert 0 <= attempt["milliseconds"] < 5000
    assert api.get(f"/v1/webhooks/{hook.id}/deliveries?state=delivered").json()["results"] == []
    assert api.get(f"/v1/webhooks/{hook.id}/deliveries?state=lost").json()["code"] == "invalid_request"


def test_deliveries_are_read_in_pages_newest_first(ledger: Ledger, register: Register, receiver: Receiver) -> None:
    hook = register("credits.*")
    ledger.open("alice")
    for amount in range(1, 6):
        ledger.run("mint", account="alice", amount=amount)
    seal_and_deliver()
    api, address, seen = Api(ledger), f"/v1/webhooks/{hook.id}/deliveries?limit=2", []

    page = api.get(address).json()
    while True:
        seen += [each["log_index"] for each in page["results"]]
        if page["next"] is None:
            break
        page = api.get(f"{address}&cursor={page['next']}").json()

    assert seen == [each.log_index for each in reversed(hook.deliveries)]


def test_one_is_delivered_again_under_its_id(ledger: Ledger, register: Register, receiver: Receiver) -> None:
    hook = register("credits.*")
    api = Api(ledger)
    ledger.open("alice", funded=1)
    seal_and_deliver()
    again = f"/v1/webhooks/{hook.id}/deliveries/{receiver.ids[0]}/redeliver"

    reply = api.post(again, key="again")
    assert reply.json()["delivery"]["state"] == "pending"
    assert api.post(again, key="again").json() == reply.json()
    sender.deliver()

    assert receiver.ids == [receiver.ids[0]] * 2
    assert hook.states == ["delivered"]
    unknown = f"/v1/webhooks/{hook.id}/deliveries/dlv_{'0' * 32}/redeliver"
    assert api.post(unknown).json()["code"] == "delivery_not_found"


def test_a_replay_tells_everything_again_also_what_was_before(
    ledger: Ledger, register: Register, receiver: Receiver
) -> None:
    ledger.open("alice", funded=1)
    sealing.seal()
    hook = register("credits.*")
    ledger.run("mint", account="alice", amount=2)
    seal_and_deliver()
    assert len(receiver.received) == 1

    hook.run("replay_webhook", from_log_index=0)
    seal_and_deliver()

    assert len(receiver.received) == 3
    assert receiver.ids[2] == receiver.ids[0]
    amounts = [json.loads(request.body)["data"]["payload"]["amount"] for request in receiver.received]
    assert amounts == ["2", "1", "2"]
    hook.run("replay_webhook", from_log_index=2**53 - 1)
    seal_and_deliver()
    assert len(receiver.received) == 3, "a cursor is set back, never forward"


def test_what_was_pending_is_cancelled_with_the_webhook(ledger: Ledger, register: Register, receiver: Receiver) -> None:
    hook = register("credits.*")
    ledger.open("alice", funded=1)
    receiver.behaves = lambda request: Reply(500)
    seal_and_deliver()

    hook.run("delete_webhook")
    with clock.moved(timedelta(days=1)):
        sender.deliver()

    assert hook.states == ["cancelled"]
    assert len(receiver.received) == 1


def test_old_deliveries_are_forgotten_and_can_be_made_again(
    ledger: Ledger, register: Register, receiver: Receiver
) -> None:
    hook = register("credits.*")
    ledger.open("alice", funded=1)
    seal_and_deliver()
    tasks.prune_webhooks()
    assert hook.states == ["delivered"]

    with clock.moved(timedelta(days=31)):
        tasks.prune_webhooks()
    assert hook.deliveries == []
    hook.run("replay_webhook", from_log_index=0)
    sender.deliver()

    assert receiver.ids == [receiver.ids[0]] * 2
