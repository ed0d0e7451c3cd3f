"""API keys over HTTP: shown once, hashed at rest, never worth more than the key that issued them."""

import hashlib
from datetime import timedelta
from typing import Any

import pytest
from django.test import override_settings

from accounts.models import ApiKey
from ledger_project.kernel import clock
from ledger_project.log.models import Event
from ledger_project.testing.api import Api, refused
from ledger_project.testing.ledger import Ledger

ASKED: dict[str, Any] = {"name": "billing service", "scopes": ["read", "journal.transfer"]}


def use(api: Api, secret: str) -> Api:
    """A caller with this secret instead."""
    other = Api(api.ledger)
    other.token = secret
    return other


def test_a_new_key_works_within_its_scopes(api: Api) -> None:
    api.ledger.open("alice", "bob", funded=10)
    issued = api.post("/v1/api-keys", ASKED).json()

    new = use(api, issued["secret"])

    assert issued["api_key"]["scopes"] == ASKED["scopes"]
    assert new.get("/v1/api-keys").status_code == 200
    moved = new.post("/v1/transfers", {"from_account": "alice", "to_account": "bob", "amount": 1})
    assert moved.json()["event"]["actor"] == f"key:{issued['api_key']['prefix']}"
    refused(new.post("/v1/mints", {"account": "alice", "amount": 1}), 403, "forbidden")


def test_only_the_hash_of_the_secret_is_kept(api: Api) -> None:
    secret = api.post("/v1/api-keys", ASKED).json()["secret"]

    row = ApiKey.objects.filter(tenant=api.ledger.tenant).latest("id")
    event = Event.objects.filter(tenant=api.ledger.tenant).latest("id")
    assert bytes(row.digest) == hashlib.sha256(secret.rpartition("_")[2].encode()).digest()
    assert secret.rpartition("_")[2] not in f"{event.payload}{event.result}"
    assert secret.rpartition("_")[2] not in api.get("/v1/api-keys").content.decode()


def test_the_secret_is_shown_once(api: Api) -> None:
    first = api.post("/v1/api-keys", ASKED, key="k")
    again = api.post("/v1/api-keys", ASKED, key="k")

    assert again["Idempotent-Replayed"] == "true"
    assert again.json() == first.json() | {"secret": None}
    assert ApiKey.objects.filter(tenant=api.ledger.tenant).count() == 2


def test_a_rehearsal_issues_nothing(api: Api) -> None:
    response = api.post("/v1/api-keys?dry_run=true", ASKED)

    assert (response.status_code, response.json()["dry_run"], response.json()["secret"]) == (200, True, None)
    assert ApiKey.objects.filter(tenant=api.ledger.tenant).count() == 1


@pytest.mark.parametrize(
    ("mine", "asked"),
    [
        (("accounts.issue_api_key",), ["*"]),
        (("accounts.issue_api_key",), ["read"]),
        (("accounts.*",), ["journal.transfer"]),
        (("accounts.issue_api_key", "journal.transfer"), ["journal.*"]),
        (("accounts.*", "read"), ["accounts.*", "read", "*"]),
    ],
)
def test_a_key_cannot_grant_what_it_lacks(ledger: Ledger, mine: tuple[str, ...], asked: list[str]) -> None:
    issuer = Api(ledger, *mine)

    refused(issuer.post("/v1/api-keys", {"name": "more", "scopes": asked}), 403, "forbidden")

    assert ApiKey.objects.filter(tenant=ledger.tenant).count() == 1


@pytest.mark.parametrize("asked", [["accounts.*"], ["accounts.open_account"], ["read"], ["accounts.*", "read"]])
def test_a_key_can_grant_what_it_has(ledger: Ledger, asked: list[str]) -> None:
    issuer = Api(ledger, "accounts.*", "read")

    assert issuer.post("/v1/api-keys", {"name": "part", "scopes": asked}).status_code == 201


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"scopes": []}, "invalid_request", "scopes"),
        ({"scopes": "read"}, "invalid_request", "scopes"),
        ({"scopes": [7]}, "invalid_request", "scopes[0]"),
        ({"scopes": ["journal.tranfer"]}, "unknown_scope", None),
        ({"scopes": ["nothing.*"]}, "unknown_scope", None),
        ({"name": ""}, "invalid_request", "name"),
        ({"expires_in": 0}, "invalid_request", "expires_in"),
        ({"expires_in": True}, "invalid_request", "expires_in"),
        ({"expires_in": 10**12}, "invalid_request", "expires_in"),
        ({"digest": "0" * 64}, "unknown_field", "digest"),
        ({"prefix": "0" * 12}, "unknown_field", "prefix"),
    ],
)
def test_a_request_that_is_not_right_issues_nothing(
    api: Api, change: dict[str, Any], code: str, field: str | None
) -> None:
    problem = refused(api.post("/v1/api-keys", ASKED | change), 422, code)

    assert problem.get("field") == field
    assert ApiKey.objects.filter(tenant=api.ledger.tenant).count() == 1


def test_a_key_lives_as_long_as_it_was_asked_to(api: Api) -> None:
    issued = api.post("/v1/api-keys", ASKED | {"expires_in": 60}).json()
    new = use(api, issued["secret"])

    with clock.moved(timedelta(seconds=59)):
        assert new.get("/v1/api-keys").status_code == 200
    with clock.moved(timedelta(seconds=61)):
        refused(new.get("/v1/api-keys"), 401, "not_authenticated")


def test_a_key_can_be_an_accounts(api: Api) -> None:
    account = api.post("/v1/accounts", {"name": "alice"}).json()["account"]

    issued = api.post("/v1/api-keys", ASKED | {"account": "alice"}).json()["api_key"]

    assert issued["account"] == account["id"]
    refused(api.post("/v1/api-keys", ASKED | {"account": "nobody"}), 404, "account_not_found")


def test_an_accounts_key_speaks_for_no_other(ledger: Ledger) -> None:
    ledger.open("alice", "bob")
    issuer = Api(ledger, account="alice")
    alice = issuer.get("/v1/accounts/alice").json()["id"]

    for change in ({}, {"account": None}, {"account": "bob"}):
        refused(issuer.post("/v1/api-keys", ASKED | change), 403, "forbidden")

    for change in ({"account": "alice"}, {"account": alice}):
        assert issuer.post("/v1/api-keys", ASKED | change).json()["api_key"]["account"] == alice


@override_settings(API_KEY_CACHE_SECONDS=0)
def test_a_revoked_key_is_worth_nothing(api: Api) -> None:
    issued = api.post("/v1/api-keys", ASKED).json()
    new = use(api, issued["secret"])
    assert new.get("/v1/api-keys").status_code == 200

    revoked = api.post(f"/v1/api-keys/{issued['api_key']['id']}/revoke").json()["api_key"]

    assert revoked["revoked_at"] is not None
    assert revoked | {"revoked_at": None} == issued["api_key"]
    refused(new.get("/v1/api-keys"), 401, "not_authenticated")
    refused(api.post(f"/v1/api-keys/{issued['api_key']['id']}/revoke"), 409, "api_key_revoked")


def test_another_tenants_key_does_not_exist(api: Api) -> None:
    stranger = Api(Ledger())

    refused(stranger.post(f"/v1/api-keys/{api.id}/revoke"), 404, "api_key_not_found")

    assert api.get("/v1/api-keys").status_code == 200
    assert [key["id"] for key in stranger.get("/v1/api-keys").json()["results"]] == [stranger.id]


def test_keys_are_listed_newest_first(api: Api) -> None:
    issued = [api.post("/v1/api-keys", ASKED | {"name": f"key {n}"}).json()["api_key"] for n in range(3)]

    page = api.get("/v1/api-keys?limit=2").json()
    rest = api.get(f"/v1/api-keys?limit=2&cursor={page['next']}").json()

    assert page["results"] == [issued[2], issued[1]]
    assert [key["id"] for key in rest["results"]] == [issued[0]["id"], api.id]
    assert rest["next"] is None


def test_keys_are_issued_alone(api: Api) -> None:
    """A batch would have to carry the hash of a secret that nobody has shown."""
    command = {
        "command": "issue_api_key",
        "idempotency_key": "k",
        "args": {**ASKED, "prefix": "0" * 12, "digest": "0" * 64},
    }

    refused(api.post("/v1/bulk", {"commands": [command]}), 422, "batch_refused")
