"""Every way of saying no has one form: RFC 9457 with a code, facts and the request's id."""

import json
import logging
import sys
from typing import Any

import psycopg
import pytest
from django.db import close_old_connections, connection, connections
from django.test import Client, override_settings
from django.urls import path

from accounts.credentials import NewKey
from ledger_project.kernel.errors import Refusal
from ledger_project.testing.api import Api, refused
from ledger_project.web.api import problems
from ledger_project.web.api.commands import CommandView
from ledger_project.web.logs import JsonFormatter
from ledger_project.web.middleware import request_id


def test_a_refusal_tells_its_facts(api: Api) -> None:
    api.ledger.open("alice", "bob", funded=5)

    problem = refused(
        api.post("/v1/transfers", {"from_account": "alice", "to_account": "bob", "amount": 8}),
        402,
        "insufficient_funds",
    )

    assert problem["title"] == "The account has less than this call needs."
    assert {name: problem[name] for name in ("account", "required", "available", "shortfall", "currency")} == {
        "account": "alice",
        "required": "8",
        "available": "5",
        "shortfall": "3",
        "currency": "CRD",
    }
    assert "shortfall 3" in problem["detail"]


@pytest.mark.parametrize("address", ["/v1/", "/v1/nothing", "/v1/accounts/", "/v1/accounts/a/b/c", "/v1/transfers/"])
def test_an_unknown_address_is_a_problem(api: Api, address: str) -> None:
    refused(api.get(address), 404, "not_found")
    refused(api.post(address, {}), 404, "not_found")


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "SERVE"])
def test_an_address_names_the_methods_that_it_takes(api: Api, method: str) -> None:
    response = api.post("/v1/mints", {}, method=method)

    refused(response, 405, "method_not_allowed")
    assert response["Allow"] == "POST"


def test_what_a_list_cannot_be_shown_as_is_a_problem(api: Api) -> None:
    refused(api.get("/v1/api-keys", Accept="text/csv"), 406, "not_acceptable")


def test_a_host_that_is_not_ours_is_a_problem(api: Api) -> None:
    refused(api.get("/v1/api-keys", Host="evil.example"), 400, "bad_request")


class Broken(CommandView):
    def serve(self, request: Any, named: Any) -> Any:
        raise ZeroDivisionError("secret detail")

    light_methods = ("POST",)


class Unreachable(CommandView):
    def serve(self, request: Any, named: Any) -> Any:
        raise psycopg.OperationalError("connection refused")

    light_methods = ("POST",)


def broken_page(request: Any) -> Any:
    raise ZeroDivisionError("secret detail")


urlpatterns = [
    path("v1/broken", Broken.as_view()),
    path("v1/unreachable", Unreachable.as_view()),
    path("broken", broken_page),
]
handler500 = problems.server_error


def test_a_bug_shows_nothing_but_the_request_id_and_is_logged_with_its_trace(
    api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    with override_settings(ROOT_URLCONF=__name__), caplog.at_level(logging.ERROR):
        response = api.post("/v1/broken", {}, X_Request_ID="trace-me-0001")

    problem = refused(response, 500, "internal_error")
    assert problem["request_id"] == "trace-me-0001"
    assert b"secret" not in response.content
    assert "ZeroDivisionError: secret detail" in caplog.text


def test_a_database_that_does_not_answer_is_a_passing_state(api: Api) -> None:
    with override_settings(ROOT_URLCONF=__name__):
        response = api.post("/v1/unreachable", {})

    refused(response, 503, "unavailable")
    assert response["Retry-After"] == "2"


@override_settings(API_KEY_CACHE_SECONDS=0)
def test_a_connection_that_died_between_requests_is_replaced(api: Api) -> None:
    api.get("/v1/api-keys")
    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [connection.connection.info.backend_pid])

    close_old_connections()  # as every request does that does not come from Django's test client

    assert api.post("/v1/accounts", {"name": "alice"}).status_code == 201


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("0af7651916cd43dd8448eb211c80319c", True),
        ("d65c6641-82f2-4e55-9423-c8bfe080d74b", True),
        ("Root=1-67891233-abcdef012345678912345678", True),
        ("", False),
        ("short", False),
        ("x" * 129, False),
        ("two\nlines-of-it", False),
        ('quote"quote"', False),
        ("naïve-naïve", False),
    ],
)
def test_a_sane_request_id_is_kept(sent: str, kept: bool) -> None:
    response = Client().get("/healthz", headers={"X-Request-ID": sent} if "\n" not in sent else {})

    assert (response["X-Request-ID"] == sent) is kept
    assert len(response["X-Request-ID"]) >= 8


def test_log_lines_are_json_and_carry_the_request_id() -> None:
    token = request_id.set("abcdefgh")
    record = logging.LogRecord("ledger", logging.INFO, __file__, 1, "moved %s\nlines", ("10",), None)
    line = JsonFormatter().format(record)
    request_id.reset(token)

    assert "\n" not in line
    parsed = json.loads(line)
    assert parsed["message"] == "moved 10\nlines"
    assert (parsed["request_id"], parsed["level"], parsed["logger"]) == ("abcdefgh", "info", "ledger")


@pytest.mark.parametrize("code", sorted(Refusal.registry))
def test_every_refusal_has_a_page(code: str) -> None:
    response = Client().get(f"/errors/{code}")

    assert response.status_code == 200
    assert f"<code>{code}</code>" in response.content.decode()
    assert Refusal.registry[code].message()


def test_a_refusal_that_does_not_exist_has_none() -> None:
    assert Client().get("/errors/nonsense").status_code == 404


def test_a_fact_named_like_a_member_of_the_problem_is_told_beside_it(api: Api) -> None:
    api.ledger.open("alice", funded=5)
    api.ledger.open("cash", type="asset")

    problem = refused(
        api.post("/v1/transfers", {"from_account": "alice", "to_account": "cash", "amount": 5}),
        422,
        "normal_balance_mismatch",
    )

    assert (problem["type"], problem["current_type"]) == ("/errors/normal_balance_mismatch", "asset")


def test_people_are_told_by_a_page_what_programs_are_told_by_a_problem() -> None:
    answer = Client().get("/nothing/<script>")

    assert (answer.status_code, answer["Content-Type"]) == (404, "text/html; charset=utf-8")
    assert "There is nothing here" in answer.content.decode()
    assert b"<script>" not in answer.content
    assert answer["Cache-Control"] == "no-store"
    assert not answer.cookies


def test_log_lines_tell_no_secrets() -> None:
    made = NewKey.make()
    for text, rest in (
        (f"GET /v1/accounts?key={made.token} 404", f"GET /v1/accounts?key=lk_{made.prefix}_… 404"),
        ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw is bad", "whsec_… is bad"),
        ("postgresql://ledger:hunter2@db:5432/x", "postgresql://ledger:…@db:5432/x"),
        ("redis://:pa:ss@cache/0", "redis://:…@cache/0"),
        *[(text, text) for text in ("https://shop.example:8443/a@b", "lk_ and key:0123456789ab", "a://b/c:d@e")],
    ):
        try:
            raise ValueError(text)
        except ValueError:
            record = logging.LogRecord("x", logging.ERROR, __file__, 1, "said %s", (text,), sys.exc_info())
        line = json.loads(JsonFormatter().format(record))
        assert line["message"] == f"said {rest}"
        assert line["trace"].endswith(f"ValueError: {rest}")


@override_settings(ROOT_URLCONF=__name__)
def test_a_broken_page_names_the_line_in_the_log() -> None:
    client = Client(raise_request_exception=False)

    answer = client.get("/broken", headers={"X-Request-ID": "look-for-me-1"})

    assert (answer.status_code, answer["Content-Type"]) == (500, "text/html; charset=utf-8")
    assert "look-for-me-1" in answer.content.decode()
    assert "secret detail" not in answer.content.decode()
    assert "script-src" not in answer["Content-Security-Policy"]
