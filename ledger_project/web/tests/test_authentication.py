"""Who may call, and what: keys, scopes, expiry, revocation, rate limits."""

import time
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import redis
from django.conf import settings
from django.test import Client, override_settings

from ledger_project.kernel import clock
from ledger_project.log.caller import covers
from ledger_project.testing.api import Api, refused
from ledger_project.testing.ledger import Ledger
from ledger_project.web.api import throttling

BOB = {"name": "bob"}


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer nonsense",
        "Basic bGVkZ2VyOmxlZGdlcg==",
        "Bearer lk_000000000000_" + "0" * 48,
        "lk_000000000000_" + "0" * 48,
        "Bearer lk_000000000000_" + "0" * 47 + "é",
    ],
)
def test_without_a_known_key_nothing_is_shown_or_done(header: str) -> None:
    for method, address in (("GET", "/v1/api-keys"), ("POST", "/v1/accounts"), ("POST", "/v1/bulk")):
        response = Client().generic(method, address, b"{}", "application/json", headers={"Authorization": header})

        refused(response, 401, "not_authenticated")
        assert response["WWW-Authenticate"].startswith("Bearer")


def test_a_secret_with_the_prefix_of_another_key_is_unknown(api: Api, ledger: Ledger) -> None:
    other = Api(ledger)
    api.token = f"lk_{other.prefix}_{api.token.rpartition('_')[2]}"

    refused(api.get("/v1/api-keys"), 401, "not_authenticated")


def test_the_scheme_is_read_in_any_case(api: Api) -> None:
    response = Client().get("/v1/api-keys", headers={"Authorization": f"bearer {api.token}"})

    assert response.status_code == 200


def test_the_log_says_which_key_acted(api: Api) -> None:
    assert api.post("/v1/accounts", BOB).json()["event"]["actor"] == f"key:{api.prefix}"


def test_a_key_expires_to_the_second_though_it_is_cached(ledger: Ledger) -> None:
    api = Api(ledger, expires_in=3600)
    assert api.get("/v1/api-keys").status_code == 200

    with clock.moved(timedelta(hours=1)):
        refused(api.get("/v1/api-keys"), 401, "not_authenticated")


@override_settings(API_KEY_CACHE_SECONDS=0)
def test_a_revoked_key_is_refused(api: Api) -> None:
    assert api.post(f"/v1/api-keys/{api.id}/revoke").status_code == 201

    refused(api.get("/v1/api-keys"), 401, "not_authenticated")


@override_settings(API_KEY_CACHE_SECONDS=60)
def test_a_process_believes_a_revoked_key_no_longer_than_its_cache(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    api.post(f"/v1/api-keys/{api.id}/revoke")
    assert api.get("/v1/api-keys").status_code == 200

    passed = time.monotonic() + 60
    monkeypatch.setattr(time, "monotonic", lambda: passed)

    refused(api.get("/v1/api-keys"), 401, "not_authenticated")


@pytest.mark.parametrize(
    ("scopes", "wanted", "allowed"),
    [
        ({"*"}, "journal.transfer", True),
        ({"*"}, "read", True),
        ({"*"}, "*", True),
        ({"journal.*"}, "journal.transfer", True),
        ({"journal.*"}, "journal.*", True),
        ({"journal.*"}, "accounts.open_account", False),
        ({"journal.*"}, "read", False),
        ({"journal.*"}, "*", False),
        ({"journal.transfer"}, "journal.transfer", True),
        ({"journal.transfer"}, "journal.*", False),
        ({"journal.transfer"}, "journal.mint", False),
        ({"read"}, "read", True),
        ({"read"}, "journal.transfer", False),
        (set(), "read", False),
    ],
)
def test_scopes(scopes: set[str], wanted: str, allowed: bool) -> None:
    assert covers(scopes, wanted) is allowed


def test_a_key_without_the_scope_is_told_which_one(ledger: Ledger) -> None:
    reader = Api(ledger, "read")
    before = ledger.size()

    problem = refused(reader.post("/v1/accounts", BOB), 403, "forbidden")

    assert problem["scope"] == "accounts.open_account"
    assert ledger.size() == before
    assert reader.get("/v1/api-keys").status_code == 200


def test_a_key_that_may_write_may_not_read_by_that(ledger: Ledger) -> None:
    writer = Api(ledger, "accounts.*")

    assert writer.post("/v1/accounts", BOB).status_code == 201
    assert refused(writer.get("/v1/api-keys"), 403, "forbidden")["scope"] == "read"


@override_settings(API_REQUESTS_PER_MINUTE=3)
def test_a_key_has_so_many_requests_a_minute(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    minute = time.time() // 60 * 60
    monkeypatch.setattr(time, "time", lambda: minute + 20)
    left = [api.get("/v1/api-keys")["RateLimit-Remaining"] for _ in range(2)]
    left.append(api.post("/v1/accounts", BOB)["RateLimit-Remaining"])
    assert left == ["2", "1", "0"]

    for response in (api.get("/v1/api-keys"), api.post("/v1/accounts", {"name": "carl"})):
        assert refused(response, 429, "rate_limited")["limit"] == 3
        assert (response["Retry-After"], response["RateLimit-Limit"]) == ("40", "3")
        assert (response["RateLimit-Remaining"], response["RateLimit-Reset"]) == ("0", "40")
    assert api.ledger.tail() == ["account.opened"]

    monkeypatch.setattr(time, "time", lambda: minute + 60)
    assert api.get("/v1/api-keys").status_code == 200


def test_another_key_has_its_own_minute(ledger: Ledger) -> None:
    with override_settings(API_REQUESTS_PER_MINUTE=1):
        assert [Api(ledger).get("/v1/api-keys").status_code for _ in range(3)] == [200, 200, 200]


def test_processes_share_the_limit(api: Api) -> None:
    here, there = (throttling.Limiter(settings.REDIS_URL) for _ in range(2))
    key = UUID(hex=api.id[4:])

    passed = [limiter.take(key, 250)[0] for _ in range(200) for limiter in (here, there)]

    assert sum(passed) == 250


def test_without_redis_requests_pass_and_each_process_counts_alone(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    limiter = throttling.Limiter("redis://127.0.0.1:1/0")
    key = UUID(hex=api.id[4:])

    passed = [limiter.take(key, 50)[0] for _ in range(60)]

    assert sum(passed) == 50


def test_redis_is_asked_once_for_a_hundredth_of_the_limit(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    original = redis.client.Pipeline.execute

    def execute(self: Any, *args: Any) -> Any:
        asked.append(args)
        return original(self, *args)

    monkeypatch.setattr(redis.client.Pipeline, "execute", execute)
    limiter = throttling.Limiter(settings.REDIS_URL)
    key = UUID(hex=api.id[4:])

    for _ in range(1000):
        limiter.take(key, 100_000)

    assert len(asked) == 1
