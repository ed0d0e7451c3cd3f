"""Input that is not exactly right: a clear 4xx that names the field, and nothing stored."""

from typing import Any

import pytest

from ledger_project.testing.api import Api, refused

TRANSFER: dict[str, Any] = {"from_account": "alice", "to_account": "bob", "amount": "10"}


@pytest.fixture(autouse=True)
def _nothing_is_stored(api: Api) -> Any:
    api.ledger.open("alice", "bob", funded=100)
    before = api.ledger.size(), api.ledger.balance("alice"), api.ledger.balance("bob")
    yield
    assert (api.ledger.size(), api.ledger.balance("alice"), api.ledger.balance("bob")) == before


@pytest.mark.parametrize(
    "amount",
    [
        b"1.5",
        b"1.0",
        b"1e2",
        b"1E400",
        b"true",
        b"NaN",
        b"Infinity",
        b"-Infinity",
        b"-1",
        b"0",
        b"-0",
        b"9" * 39,
        b"9" * 5000,
        b"[]",
        b"{}",
        b'""',
        b'"1.5"',
        b'"1e2"',
        b'" 1"',
        b'"+1"',
        b'"01"',
        b'"1_000"',
        b'"0x10"',
        b'"-1"',
        b'"0"',
        b'"NaN"',
        '"١٢"'.encode(),
        b'"' + b"9" * 39 + b'"',
        b'"' + b"9" * 5000 + b'"',
    ],
)
def test_amounts_are_whole_positive_and_of_38_digits(api: Api, amount: bytes) -> None:
    body = b'{"from_account": "alice", "to_account": "bob", "amount": ' + amount + b"}"

    problem = refused(api.post("/v1/transfers", body), 422, "invalid_amount")

    assert problem["field"] == "amount"


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"amount": None}, "amount", "invalid_request"),
        ({"from_account": None}, "from_account", "invalid_request"),
        ({"from_account": 7}, "from_account", "invalid_request"),
        ({"from_account": ""}, "from_account", "invalid_request"),
        ({"from_account": "a" * 256}, "from_account", "invalid_request"),
        ({"from_account": "alice\x00"}, "from_account", "invalid_request"),
        ({"from_account": "al/ice"}, "from_account", "invalid_request"),
        ({"from_account": "\ud800"}, "from_account", "invalid_request"),
        ({"memo": "hello"}, "memo", "unknown_field"),
        ({"\ud800": "hello"}, "\ud800", "unknown_field"),
        ({"x" * 10_000: 1}, "x" * 300, "unknown_field"),
        ({"effective_at": "yesterday"}, "effective_at", "invalid_request"),
        ({"effective_at": "2026-11-21T10:00:00"}, "effective_at", "invalid_request"),
        ({"metadata": []}, "metadata", "invalid_request"),
        ({"metadata": {"rate": 1.5}}, "metadata.rate", "invalid_request"),
        ({"metadata": {"deep": {}}}, "metadata.deep", "invalid_request"),
        ({"metadata": {"big": 2**53}}, "metadata.big", "invalid_request"),
    ],
)
def test_a_refusal_names_the_field(api: Api, change: dict[str, Any], field: str, code: str) -> None:
    problem = refused(api.post("/v1/transfers", TRANSFER | change), 422, code)

    assert problem["field"] == field


def test_nested_fields_are_named_by_their_place(api: Api) -> None:
    postings = [{"account": "alice", "amount": "10"}, {"account": "bob", "amount": "-10", "color": "red"}]

    problem = refused(api.post("/v1/entries", {"postings": postings}), 422, "unknown_field")

    assert problem["field"] == "postings[1].color"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"{", "line 1, column 2"),
        (b"[]", "not an object"),
        (b'"text"', "not an object"),
        (b"null", "not an object"),
        (b"NaN", "not an object"),
        (b'{"amount": 1,}', "column"),
        (b"{'amount': 1}", "column"),
        (b'{"amount": 1} {"amount": 2}', "Extra data"),
        (b'\xef\xbb\xbf{"amount": 1}', "line 1, column 1"),
        (b'{"from_account": "\xff"}', "byte 18 is not UTF-8"),
        (b'{"from_account": "al\xc0\xafice"}', "not UTF-8"),
        (b"[" * 100_000, "nested too deep"),
        (b'{"a":' * 100_000, "nested too deep"),
    ],
)
def test_a_body_is_one_json_object_in_utf_8(api: Api, body: bytes, reason: str) -> None:
    problem = refused(api.post("/v1/transfers", body), 400, "malformed_json")

    assert reason in problem["reason"]


def test_a_key_given_twice_is_refused_by_name(api: Api) -> None:
    body = b'{"from_account": "alice", "to_account": "bob", "amount": "10", "amount": "90"}'

    problem = refused(api.post("/v1/transfers", body), 422, "invalid_request")

    assert (problem["field"], problem["reason"]) == ("amount", "given twice")


def test_a_body_over_one_mebibyte_is_too_large(api: Api) -> None:
    problem = refused(api.post("/v1/transfers", TRANSFER | {"description": "x" * 2**20}), 413, "body_too_large")

    assert problem["limit"] == 2**20


def test_a_body_of_one_mebibyte_is_read(api: Api) -> None:
    body = b'{"amount": "10", "memo": 1}'

    problem = refused(api.post("/v1/transfers", body + b" " * (2**20 - len(body))), 422, "unknown_field")

    assert problem["field"] == "memo"


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json; charset=utf-16",
    ],
)
def test_a_body_is_sent_as_json(api: Api, content_type: str) -> None:
    refused(api.post("/v1/transfers", TRANSFER, Content_Type=content_type), 415, "unsupported_media_type")


def test_a_body_in_chunks_is_refused_rather_than_taken_for_empty(api: Api) -> None:
    refused(api.post("/v1/accounts/alice/freeze", Transfer_Encoding="chunked"), 411, "length_required")


@pytest.mark.parametrize(
    ("length", "status", "code"),
    [
        ("9" * 5000, 413, "body_too_large"),
        ("-1", 400, "bad_request"),
        ("1e3", 400, "bad_request"),
        ("٣", 400, "bad_request"),
    ],
)
def test_a_length_is_a_number(api: Api, length: str, status: int, code: str) -> None:
    response = api.client.post(
        "/v1/transfers",
        b"{}",
        content_type="application/json",
        headers={"Authorization": f"Bearer {api.token}", "Idempotency-Key": "k"},
        CONTENT_LENGTH=length,
    )

    refused(response, status, code)


@pytest.mark.parametrize(
    ("query", "field", "code"),
    [
        ("dry_run=yes", "dry_run", "invalid_request"),
        ("dry_run=1", "dry_run", "invalid_request"),
        ("dry_run=", "dry_run", "invalid_request"),
        ("dry_run=true&dry_run=false", "dry_run", "invalid_request"),
        ("wait=forever", "wait", "invalid_request"),
        ("dryrun=true", "dryrun", "unknown_field"),
        ("amount=5", "amount", "unknown_field"),
        ("%ff=1", "\ufffd", "unknown_field"),
    ],
)
def test_query_parameters_are_known_ones(api: Api, query: str, field: str, code: str) -> None:
    problem = refused(api.post(f"/v1/transfers?{query}", TRANSFER), 422, code)

    assert problem["field"] == field


@pytest.mark.parametrize("key", [None, ""])
def test_a_call_has_an_idempotency_key(api: Api, key: str | None) -> None:
    response = api.client.post(
        "/v1/transfers",
        TRANSFER,
        content_type="application/json",
        headers={"Authorization": f"Bearer {api.token}"} | ({} if key is None else {"Idempotency-Key": key}),
    )

    refused(response, 400, "idempotency_key_required")


@pytest.mark.parametrize("key", ["k" * 256, "tab\there", "bad \xff\xfe"])
def test_an_idempotency_key_has_1_to_255_characters(api: Api, key: str) -> None:
    problem = refused(api.post("/v1/transfers", TRANSFER, key=key), 422, "invalid_request")

    assert problem["field"] == "idempotency_key"
