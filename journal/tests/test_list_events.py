"""Lists of events: what was accepted, by type, command, key and time."""

import pytest

from accounts.api.serializers import (
    AccountSerializer,
    BalanceGroupSerializer,
    BalanceSerializer,
    CurrencySerializer,
    EventSerializer,
)
from journal.api.serializers import EntrySerializer, PostingSerializer
from ledger_project.log import sealing
from ledger_project.log.models import Leaf
from ledger_project.testing.api import Api


@pytest.fixture
def api(ledger) -> Api:
    ledger.open("alice", "shop", funded=100)
    ledger.run("transfer", from_account="alice", to_account="shop", amount=30, key="order-7")
    ledger.run("freeze_account", account="alice")
    return Api(ledger, "read")


def types(answer) -> list[str]:
    return [event["type"] for event in answer.json()["results"]]


def test_events_are_listed_newest_first(api):
    assert types(api.get("/v1/events")) == [
        "api_key.issued",
        "account.frozen",
        "transfer.posted",
        "credits.minted",
        "account.opened",
        "credits.minted",
        "account.opened",
        "currency.registered",
    ]


def test_an_unknown_outcome_is_resolved_by_its_key(api):
    [event] = api.get("/v1/events?idempotency_key=order-7").json()["results"]

    assert (event["type"], event["command"], event["actor"]) == ("transfer.posted", "transfer", "test")
    assert (event["state"], event["log_index"]) == ("recorded", None)
    assert api.get(f"/v1/events/{event['id']}").json() == event
    [entry] = api.get("/v1/entries?idempotency_key=order-7").json()["results"]
    assert entry["event"] == event["id"]
    assert types(api.get("/v1/events?idempotency_key=order-8")) == []


def test_an_event_is_listed_as_its_command_was_answered(ledger):
    api = Api(ledger)
    answered = api.post("/v1/accounts", {"name": "alice"}).json()["event"]

    assert api.get("/v1/events").json()["results"][0] == answered


def test_a_sealed_event_says_where_it_stands_in_the_log(ledger):
    ledger.open("alice")
    sealing.seal()
    ledger.open("bob")

    [bob, alice] = Api(ledger, "read").get("/v1/events?type=account.opened").json()["results"]

    assert (bob["state"], bob["log_index"]) == ("recorded", None)
    place = Leaf.objects.get(event__tenant=ledger.tenant, event__type="account.opened").log_index
    assert (alice["state"], alice["log_index"]) == ("sealed", place)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("type=account.opened", ["account.opened"] * 2),
        ("type=transfer.posted", ["transfer.posted"]),
        ("command=mint", ["credits.minted"] * 2),
        ("command=mint&type=account.opened", []),
        ("command=transfer&type=transfer.posted", ["transfer.posted"]),
        ("command=transfer&idempotency_key=order-7", ["transfer.posted"]),
        ("command=mint&idempotency_key=order-7", []),
        ("command=never_heard_of", []),
    ],
)
def test_filters_combine(api, query, expected):
    assert types(api.get(f"/v1/events?{query}")) == expected


def test_times_include_their_start_and_exclude_their_end(ledger):
    first = ledger.run("open_account", name="alice").document["recorded_at"]
    second = ledger.run("open_account", name="bob").document["recorded_at"]
    api = Api(ledger)

    assert types(api.get(f"/v1/events?from={first}&to={second}")) == ["account.opened"]
    assert types(api.get(f"/v1/events?to={first}")) == ["currency.registered"]
    assert types(api.get(f"/v1/events?from={second}&type=account.opened")) == ["account.opened"]


@pytest.mark.parametrize("query", ["", "type=transfer.posted&", "command=transfer&", "type=credits.minted&"])
def test_pages_follow_each_other(ledger, api, query):
    for amount in range(1, 8):
        ledger.run("transfer", from_account="shop", to_account="alice", amount=amount, key=f"back-{amount}")
    everything = api.get(f"/v1/events?{query}").json()["results"]
    listed, address = [], f"/v1/events?{query}limit=3"
    while address:
        page = api.get(address).json()
        listed += page["results"]
        address = page["next"] and f"/v1/events?{query}limit=3&cursor={page['next']}"

    assert listed == everything
    assert [event["id"] for event in listed] == sorted((event["id"] for event in listed), reverse=True)
    assert len(listed) == {"": 15, "type=credits.minted&": 2}.get(query, 8)


def test_transfers_are_listed_between_their_times(ledger, api):
    recorded = [
        ledger.run("transfer", from_account="shop", to_account="alice", amount=1).document["recorded_at"]
        for _ in range(4)
    ]
    between = f"from={recorded[1]}&to={recorded[3]}"

    for query in (between, f"{between}&type=transfer.posted", f"{between}&limit=1"):
        listed = api.get(f"/v1/events?{query}").json()
        assert [event["recorded_at"] for event in listed["results"]] == recorded[2:0:-1][: len(listed["results"])]
    rest = api.get(f"/v1/events?{between}&limit=1&cursor={listed['next']}").json()
    assert ([event["recorded_at"] for event in rest["results"]], rest["next"]) == ([recorded[1]], None)


@pytest.mark.parametrize("query", ["type=", "after=-2", "from=soon", "cursor=x", "limit=x", "payload=1"])
def test_what_the_list_does_not_understand_is_refused_by_name(api, query):
    answer = api.get(f"/v1/events?{query}")

    assert (answer.status_code, answer.json()["field"]) == (422, query.partition("=")[0])


@pytest.mark.parametrize("ref", ["evt_" + "0" * 32, "ent_" + "0" * 32, "7", "%00", "evt_" + "g" * 32])
def test_an_event_that_is_not_there_is_not_found(api, ref):
    answer = api.get(f"/v1/events/{ref}")

    assert (answer.status_code, answer.json()["code"]) == (404, "event_not_found")


@pytest.mark.parametrize(
    ("address", "serializer"),
    [
        ("/v1/events", EventSerializer),
        ("/v1/accounts", AccountSerializer),
        ("/v1/balances", BalanceSerializer),
        ("/v1/balances?group_by=type", BalanceGroupSerializer),
        ("/v1/currencies", CurrencySerializer),
        ("/v1/entries", EntrySerializer),
    ],
)
def test_what_is_shown_is_what_is_described(api, address, serializer):
    answer = api.get(address)
    [shown, *_] = answer.json()["results"]

    assert set(shown) == set(serializer().fields)
    for leg in shown.get("postings", ()):
        assert set(leg) == set(PostingSerializer().fields)
    assert answer.headers["Cache-Control"] == "no-store"


def test_reading_needs_the_scope(ledger):
    answer = Api(ledger, "journal.transfer").get("/v1/events")

    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
