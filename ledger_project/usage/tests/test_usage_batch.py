"""POST /v1/usage/batch: CloudEvents about usage, each recorded or refused for itself."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connections

from journal.replay import replay
from ledger_project.kernel import clock
from ledger_project.log import sealing
from ledger_project.testing import skill
from ledger_project.testing.api import Api, refused
from ledger_project.testing.ledger import Ledger
from ledger_project.testing.serving import serve
from ledger_project.usage.commands.recording import record_usage
from ledger_project.usage.models import Meter, Usage

DOCS = Path(__file__).resolve().parents[3] / "docs/usage.md"
ARRAY, LINES = "application/cloudevents-batch+json", "application/x-ndjson"
RATES = [
    {"model": "gpt-*", "metric": "input_tokens", "price": "2"},
    {"model": "gpt-*", "metric": "cached_input_tokens", "price": "1"},
    {"model": "gpt-*", "metric": "output_tokens", "price": "5"},
    {"model": "gpt-*", "metric": "reasoning_tokens", "price": "7"},
]
DATA = {"book": "llm", "model": "gpt-4o", "metrics": {"input_tokens": 3, "output_tokens": 2}}
EACH = 3 * 2 + 2 * 5
NOT_WHOLE = "not a whole number from 0 to 9007199254740991"


def event(request: str, /, data: Any = DATA, **changes: Any) -> dict[str, Any]:
    told = {"specversion": "1.0", "id": request, "source": "gateway/eu", "type": "ai.usage", "subject": "ada"}
    return told | {"data": data} | changes


def used(request: str, /, **data: Any) -> dict[str, Any]:
    return event(request, DATA | data)


def lines(*events: Any) -> bytes:
    return b"".join(json.dumps(each).encode() + b"\n" for each in events)


def send(api: Api, body: Any, media_type: str = ARRAY, query: str = "") -> list[dict[str, Any]]:
    response = api.post(f"/v1/usage/batch{query}", body, key=None, **{"Content-Type": media_type})
    assert response.status_code == 200, response.content
    results: list[dict[str, Any]] = response.json()["results"]
    return results


def told(results: list[dict[str, Any]]) -> list[Any]:
    """The code and the field of what was refused, and what was charged of the rest."""
    return [
        (each["problem"]["code"], each["problem"].get("field")) if "problem" in each else each["usage"]["charged"]
        for each in results
    ]


def recorded(api: Api) -> list[str]:
    rows = Usage.objects.filter(tenant=api.ledger.tenant).order_by("id")
    return [row.request_id for row in rows]


@pytest.fixture
def books(api: Api) -> Api:
    api.ledger.open("ada", funded=1000)
    api.ledger.open("ben", funded=1000)
    api.ledger.run("publish_prices", book="llm", rates=RATES, effective_at="2026-01-01T00:00:00Z")
    return api


@pytest.mark.parametrize(
    ("media_type", "body"),
    [
        (ARRAY, [event("a"), used("b", account="ben")]),
        ("application/json", [event("a"), used("b", account="ben")]),
        ("Application/JSON; charset=utf-8", [event("a"), used("b", account="ben")]),
        (LINES, lines(event("a"), used("b", account="ben"))),
        (LINES, lines(event("a"), used("b", account="ben")).replace(b"\n", b"\r\n\n \n").strip()),
    ],
)
def test_an_array_or_lines_are_recorded_in_their_order(books: Api, media_type: str, body: Any) -> None:
    results = send(books, body, media_type)

    assert [(each["status"], each["replayed"], each["usage"]["request_id"]) for each in results] == [
        (201, False, "a"),
        (201, False, "b"),
    ]
    assert (books.ledger.balance("ada"), books.ledger.balance("ben")) == ({"available": 1000 - EACH},) * 2
    assert replay(books.ledger.tenant) == []


def test_an_event_is_answered_as_the_call_alone_would_be(books: Api) -> None:
    at = clock.stamp(clock.now() - timedelta(hours=1))
    one = {"account": "ada", "request_id": "a", "source": "gateway/eu", "at": at, "metadata": {"team": "search"}}
    alone = books.post("/v1/usage", DATA | one).json()

    [result] = send(books, [event("a", DATA | {"metadata": {"team": "search"}}, time=at)])

    assert result == {"status": 201, "replayed": True, **alone}


def test_whatever_the_command_takes_is_taken_by_its_own_name(books: Api) -> None:
    [result] = send(books, [used("a", to_account="ben", metadata={"n": 1})])

    assert result["entry"]["metadata"] == {"n": 1}
    assert books.ledger.balance("ben") == {"available": 1000 + EACH}
    attributes = {"request_id", "source", "at"}
    schema = books.get("/openapi.json").json()["paths"]["/v1/usage/batch"]["post"]["requestBody"]["content"]
    described = schema[ARRAY]["schema"]["items"]["anyOf"][0]["properties"]["data"]["properties"]
    assert set(described) == record_usage.fields.keys() - attributes


def test_opentelemetrys_attributes_are_metrics_without_configuration(books: Api) -> None:
    span = {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.response.model": "gpt-4o-2024-08-06",
        "gen_ai.request.temperature": 0.2,
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.cache_read.input_tokens": 60,
        "gen_ai.usage.output_tokens": 20,
        "gen_ai.usage.reasoning.output_tokens": 15,
    }

    flat, nested = send(books, [event("a", {"book": "llm", **span}), event("b", {"book": "llm", "attributes": span})])

    assert flat["usage"]["model"] == "gpt-4o-2024-08-06"
    assert flat["usage"]["metrics"] == {
        "input_tokens": 40,
        "output_tokens": 5,
        "reasoning_tokens": 15,
        "cached_input_tokens": 60,
    }
    assert flat["usage"]["charged"] == nested["usage"]["charged"] == str(40 * 2 + 60 * 1 + 5 * 5 + 15 * 7)


def test_a_book_in_the_address_is_that_of_events_which_name_none(books: Api) -> None:
    books.ledger.run("publish_prices", book="free", rates=[{"model": "*", "metric": "requests", "price": "0"}])
    bookless = {"model": "gpt-4o", "metrics": {"requests": 1}}

    assert told(send(books, [event("a", bookless), event("b")], query="?book=free")) == ["0", str(EACH)]
    assert told(send(books, [event("c", bookless)])) == [("invalid_request", "data.book")]


def test_one_bad_event_stops_no_other(books: Api) -> None:
    late, ahead = clock.now() - timedelta(days=36), clock.now() + timedelta(hours=1)
    events: list[Any] = [
        event("a"),
        7,
        event("late", time=clock.stamp(late)),
        event("ahead", time=clock.stamp(ahead)),
        event("b"),
        event("nobody", subject="nobody"),
        used("unpriced", metrics={"images": 1}),
        used("bookless", book="other"),
        used("poor", metrics={"input_tokens": 1000}),
        event("c", time=clock.stamp(clock.now() - timedelta(days=34))),
    ]

    assert told(send(books, events)) == [
        str(EACH),
        ("invalid_request", "event"),
        ("usage_too_old", None),
        ("usage_too_old", None),
        str(EACH),
        ("account_not_found", None),
        ("unpriced_metric", None),
        ("price_book_not_found", None),
        ("insufficient_funds", None),
        str(EACH),
    ]
    assert recorded(books) == ["a", "b", "c"]
    assert books.get("/v1/accounts/nobody").status_code == 404
    assert books.ledger.balance("ada") == {"available": 1000 - 3 * EACH}
    assert Meter.objects.filter(tenant=books.ledger.tenant).count() == 1
    assert replay(books.ledger.tenant) == []


def test_what_is_repeated_is_replayed_and_what_differs_is_said(books: Api) -> None:
    again = [event("a"), event("a"), used("a", model="gpt-4"), event("a", source="gateway/us"), event(" a ")]

    first = send(books, again)

    assert [each["status"] for each in first] == [201, 201, 422, 201, 201]
    assert [each.get("replayed") for each in first] == [False, True, None, False, True]
    assert first[1]["event"] == first[4]["event"] == first[0]["event"]
    assert (first[2]["problem"]["code"], first[2]["problem"]["fields"]) == ("usage_differs", ["model"])
    assert books.ledger.balance("ada") == {"available": 1000 - 2 * EACH}

    second = send(books, again)
    assert [each.get("replayed") for each in second] == [True, True, None, True, True]
    assert [each.get("usage") for each in second] == [each.get("usage") for each in first]
    assert books.ledger.balance("ada") == {"available": 1000 - 2 * EACH}


def test_out_of_order_each_is_priced_by_its_own_time(books: Api) -> None:
    dearer = [{"model": "*", "metric": "input_tokens", "price": "100"}]
    books.ledger.run("publish_prices", book="llm", rates=dearer)
    now, hour_ago = clock.stamp(clock.now()), clock.stamp(clock.now() - timedelta(hours=1))
    one = DATA | {"metrics": {"input_tokens": 1}}

    assert told(send(books, [event("now", one, time=now), event("before", one, time=hour_ago)])) == ["100", "2"]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (lines(event("a"))[:-20], "Unterminated string"),
        (lines(event("a"))[:-2], "Expecting ',' delimiter"),
        (b"not JSON", "Expecting value"),
        (b"\xff", "byte 0 is not UTF-8"),
        (b'{"id":' * 100_000, "nested too deep"),
    ],
)
def test_a_line_that_was_cut_is_refused_alone(books: Api, body: bytes, reason: str) -> None:
    good, bad = send(books, lines(event("good")) + body, LINES)

    assert good["usage"]["charged"] == str(EACH)
    assert (bad["status"], bad["problem"]["code"]) == (400, "malformed_json")
    assert bad["problem"]["reason"].startswith(reason)
    assert recorded(books) == ["good"]


@pytest.mark.parametrize("media_type", [ARRAY, LINES])
@pytest.mark.parametrize(
    ("found", "put", "field"),
    [
        (b'"id"', b'"id": "x", "id"', "id"),
        (b'"model"', b'"model": "x", "model"', "model"),
        (b'"output_tokens"', b'"input_tokens"', "input_tokens"),
    ],
)
def test_a_name_that_is_given_twice_is_refused_with_its_event(
    books: Api, media_type: str, found: bytes, put: bytes, field: str
) -> None:
    double, good = json.dumps(event("a")).encode().replace(found, put), json.dumps(event("b")).encode()
    body = double + b"\n" + good if media_type == LINES else b"[" + double + b"," + good + b"]"

    bad, other = send(books, body, media_type)

    assert (bad["problem"]["code"], bad["problem"]["field"]) == ("invalid_request", field)
    assert bad["problem"]["reason"] == "given twice"
    assert other["status"] == 201
    assert recorded(books) == ["b"]


@pytest.mark.parametrize("quantity", ["1.0", "1e3", "-1", "9007199254740992", "9" * 5000, "NaN", "true", '"12"'])
@pytest.mark.parametrize(
    ("data", "field"),
    [
        (DATA | {"metrics": {"input_tokens": "?"}}, "data.metrics.input_tokens"),
        ({"book": "llm", "model": "gpt-4", "gen_ai.usage.input_tokens": "?"}, "data.gen_ai.usage.input_tokens"),
    ],
)
def test_a_count_is_a_whole_number(books: Api, quantity: str, data: dict[str, Any], field: str) -> None:
    body = json.dumps([event("a", data), event("b")]).replace('"?"', quantity).encode()

    bad, good = send(books, body)

    assert bad["status"] == 422
    assert (bad["problem"]["field"], bad["problem"]["reason"]) == (field, NOT_WHOLE)
    assert good["status"] == 201
    assert recorded(books) == ["b"]


@pytest.mark.parametrize(
    ("bad", "code", "field"),
    [
        (event("a", specversion="0.3"), "invalid_request", "specversion"),
        (event("a", specversion=1.0), "invalid_request", "specversion"),
        (event("a", id=None), "invalid_request", "id"),
        (event("a", id=""), "invalid_request", "id"),
        (event("a", id=7), "invalid_request", "id"),
        (event("a", source=None), "invalid_request", "source"),
        (event("a", source="a\nb"), "invalid_request", "source"),
        (event("a", type=None), "invalid_request", "type"),
        (event("a", time="2026-11-05T12:00:00"), "invalid_request", "time"),
        (event("a", time=1762340400), "invalid_request", "time"),
        (event("a", subject=None), "invalid_request", "data.account"),
        (event("a", subject="a/b"), "invalid_request", "subject"),
        (event("a", datacontenttype="text/xml"), "invalid_request", "datacontenttype"),
        (event("a", None, data_base64="e30="), "invalid_request", "data"),
        (event("a", "{}"), "invalid_request", "data"),
        (used("a", metric={}), "unknown_field", "data.metric"),
        (used("a", at="2026-11-05T12:00:00Z"), "unknown_field", "data.at"),
        (used("a", request_id="b"), "unknown_field", "data.request_id"),
        (used("a", model=None), "invalid_request", "data.model"),
        (used("a", metrics=None), "invalid_request", "data.metrics"),
        (used("a", metrics={}), "invalid_request", "data.metrics"),
        (used("a", metadata={"a": 0.5}), "invalid_request", "data.metadata.a"),
        (used("a", attributes=[]), "invalid_request", "data.attributes"),
        (used("a", **{"gen_ai.usage.input_tokens": 1}), "invalid_request", "data.metrics"),
        (used("a", attributes={"a.b": 1}, **{"a.b": 1}), "invalid_request", "data.a.b"),
    ],
)
def test_what_is_wrong_with_an_event_is_named_by_its_place(books: Api, bad: Any, code: str, field: str) -> None:
    assert told(send(books, [bad, event("good")])) == [(code, field), str(EACH)]
    assert recorded(books) == ["good"]


def test_null_is_not_given_and_extensions_are_passed_over(books: Api) -> None:
    extended = event("a", time=None, datacontenttype=None, data_base64=None, traceparent="00-4bf9", n=5)
    typed = event("b", datacontenttype="application/vnd.usage+json; charset=utf-8")
    whole = used("c", account="ada", to_account=None) | {"subject": "any/thing"}

    assert told(send(books, [extended, typed, whole])) == [str(EACH)] * 3


@pytest.mark.parametrize(
    ("media_type", "body", "status", "code"),
    [
        (ARRAY, b"", 400, "malformed_json"),
        (ARRAY, b"[", 400, "malformed_json"),
        (ARRAY, b"[]]", 400, "malformed_json"),
        (ARRAY, json.dumps(event("a")).encode(), 400, "malformed_json"),
        ("application/json", lines(event("a"), event("b")), 400, "malformed_json"),
        (ARRAY, b"[]", 422, "invalid_request"),
        (LINES, b"\n \n", 422, "invalid_request"),
        (ARRAY, json.dumps([event(str(n)) for n in range(1001)]).encode(), 422, "invalid_request"),
        (LINES, lines(*(event(str(n)) for n in range(1001))), 422, "invalid_request"),
        ("text/plain", b"[]", 415, "unsupported_media_type"),
        ("application/json; charset=latin-1", b"[]", 415, "unsupported_media_type"),
    ],
)
def test_what_is_no_batch_is_refused_whole(books: Api, media_type: str, body: bytes, status: int, code: str) -> None:
    refused(books.post("/v1/usage/batch", body, **{"Content-Type": media_type}), status, code)

    assert recorded(books) == []


@pytest.mark.parametrize(
    ("query", "code", "field"),
    [
        ("?book=", "invalid_request", "book"),
        ("?book=a&book=b", "invalid_request", "book"),
        ("?account=ada", "unknown_field", "account"),
    ],
)
def test_the_address_takes_a_book_and_no_more(books: Api, query: str, code: str, field: str) -> None:
    assert refused(books.post(f"/v1/usage/batch{query}", [event("a")]), 422, code)["field"] == field
    assert refused(books.post("/v1/usage?book=llm", DATA), 422, "unknown_field")["field"] == "book"


def test_a_thousand_events_go_at_once(books: Api) -> None:
    one = DATA | {"metrics": {"input_tokens": 1}}
    events = [event(f"r{n}", one, subject=["ada", "ben"][n % 2]) for n in range(998)]

    results = send(books, lines(*events, event("r0", one), event("bad", [])), LINES)

    assert [each["status"] for each in results] == [201] * 999 + [422]
    assert [each["usage"]["request_id"] for each in results[:999]] == [each["id"] for each in events] + ["r0"]
    assert results[998]["replayed"]
    assert books.ledger.balance("ada") == books.ledger.balance("ben") == {"available": 1000 - 499 * 2}
    assert replay(books.ledger.tenant) == []


def test_a_rehearsed_batch_prices_and_records_nothing(books: Api) -> None:
    before = books.ledger.size()

    results = send(books, [event("a"), event("b", [])], query="?dry_run=true")

    assert [each["status"] for each in results] == [200, 422]
    assert results[0]["usage"]["charged"] == str(EACH)
    assert books.ledger.size() == before


def test_a_batch_can_wait_for_its_places_in_the_log(books: Api) -> None:
    send(books, [event("a"), event("b")])
    sealing.seal()

    waited = send(books, [event("b"), event("c", []), event("a")], query="?wait=sealed")

    assert [each["event"]["state"] for each in waited if "event" in each] == ["sealed", "sealed"]
    assert waited[0]["event"]["log_index"] > waited[2]["event"]["log_index"]


def test_batches_that_are_sent_at_once_and_overlap_record_each_event_once(books: Api) -> None:
    events = [event(f"r{n}", DATA | {"metrics": {"input_tokens": 1}}) for n in range(40)]

    def report(first: int) -> list[int]:
        try:
            chosen = events[first : first + 20]
            return [each["status"] for each in send(books, chosen[:: 1 if first % 2 else -1])]
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(report, range(21)))

    assert statuses == [[201] * 20] * 21
    assert sorted(recorded(books)) == sorted(each["id"] for each in events)
    assert books.ledger.balance("ada") == {"available": 1000 - 40 * 2}
    assert replay(books.ledger.tenant) == []


def test_it_needs_the_scope_of_recording_and_is_the_tenants(books: Api) -> None:
    scoped = Api(books.ledger, "usage.record_usage")
    others = Api(books.ledger, "usage.publish_prices")
    own = Api(books.ledger, account="ada")

    assert told(send(scoped, [event("a")])) == [str(EACH)]
    assert refused(others.post("/v1/usage/batch", [event("b")]), 403, "forbidden")["scope"] == "usage.record_usage"
    refused(own.post("/v1/usage/batch", [event("b")]), 403, "forbidden")
    refused(others.post("/v1/usage/batch", b"not JSON"), 403, "forbidden")
    assert recorded(books) == ["a"]


def test_nobody_records_in_another_tenants_books(books: Api) -> None:
    stranger = Api(Ledger())

    assert told(send(stranger, [event("a")])) == [("account_not_found", None)]
    assert recorded(books) == []


def test_the_calls_of_the_docs_run_as_they_are_written(api: Api) -> None:
    api.ledger.open("agent:scout", funded=100)

    with serve(1) as port:
        page = DOCS.read_text("utf-8").replace("$LEDGER_URL", f"http://127.0.0.1:{port}")
        *_, batch = skill.run(page, api.token)

    assert told(json.loads(batch)["results"]) == ["10", "20", ("account_not_found", None)]
    assert recorded(api) == ["req-1", "req-2", "req-3"]
    assert api.ledger.balance("agent:scout") == {"available": 68, "held": 2}
