"""A key never outlives or outranks the key that issued it, and a person is a person under whatever key."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connections
from django.test import override_settings

from accounts.credentials import NewKey
from accounts.models import ApiKey
from journal.external.errors import FourEyes
from journal.external.tests.story import Bank
from ledger_project.kernel import clock, ids
from ledger_project.kernel.errors import Forbidden
from ledger_project.log.caller import Caller
from ledger_project.log.command import COMMANDS
from ledger_project.log.executor import Call, Done, execute_one
from ledger_project.testing.api import Api, refused
from ledger_project.testing.hostile import APP, OWNER, attempt, constraint
from ledger_project.testing.ledger import Ledger

ITEM = {"counter_account": "fees", "reason": "bank fee"}


def child_of(parent: Api, *scopes: str, **options: Any) -> Api:
    """A key that another key issued."""
    made = parent.post("/v1/api-keys", {"name": "child", "scopes": list(scopes or ("*",)), **options})
    assert made.status_code == 201, made.content
    answer = made.json()
    child = Api.__new__(Api)
    child.__dict__ |= parent.__dict__
    child.id, child.token, child.prefix = answer["api_key"]["id"], answer["secret"], answer["api_key"]["prefix"]
    return child


def works(api: Api) -> bool:
    return bool(api.get("/v1/currencies").status_code == 200)


@override_settings(API_KEY_CACHE_SECONDS=0)
def test_a_short_lived_key_issues_no_immortal_one(ledger: Ledger) -> None:
    parent = Api(ledger, expires_in=4)
    child = child_of(parent)
    grandchild = child_of(child, expires_in=3600)

    assert works(grandchild)
    with clock.moved(timedelta(seconds=5)):
        for key in (parent, child, grandchild):
            refused(key.get("/v1/currencies"), 401, "not_authenticated")


@override_settings(API_KEY_CACHE_SECONDS=0)
def test_what_comes_from_a_revoked_key_ends_with_it(ledger: Ledger) -> None:
    root, other = Api(ledger), Api(ledger)
    child = child_of(root)
    grandchild = child_of(child)

    revoked = other.post(f"/v1/api-keys/{child.id}/revoke").json()

    assert "revoked" not in revoked
    assert (works(root), works(child), works(grandchild)) == (True, False, False)


@override_settings(API_KEY_CACHE_SECONDS=0)
def test_revoking_a_key_can_mark_those_that_come_from_it(ledger: Ledger) -> None:
    root = Api(ledger)
    child = child_of(root)
    grandchild, stranger = child_of(child), Api(ledger)

    answer = root.post(f"/v1/api-keys/{child.id}/revoke", {"descendants": True}).json()

    assert [key["id"] for key in answer["revoked"]] == [grandchild.id]
    shown = {key["id"]: key for key in root.get("/v1/api-keys").json()["results"]}
    assert shown[grandchild.id]["lineage"] == [root.id, child.id]
    assert shown[child.id]["revoked_at"] == shown[grandchild.id]["revoked_at"] is not None
    assert (works(root), works(stranger), works(grandchild)) == (True, True, False)


def test_scopes_and_accounts_never_widen(ledger: Ledger) -> None:
    ledger.open("alice", "bob")
    alice = Api(ledger, "accounts.*", "read", account="alice")
    payer = Api(ledger, "journal.transfer", "accounts.issue_api_key")
    wish = {"name": "child", "scopes": ["read"]}

    refused(alice.post("/v1/api-keys", wish), 403, "forbidden")
    refused(alice.post("/v1/api-keys", wish | {"account": "bob"}), 403, "forbidden")
    refused(payer.post("/v1/api-keys", wish | {"scopes": ["journal.mint"]}), 403, "forbidden")
    refused(payer.post("/v1/api-keys", wish | {"scopes": ["journal.*"]}), 403, "forbidden")
    refused(payer.post("/v1/api-keys", wish | {"scopes": ["*"]}), 403, "forbidden")
    assert alice.post("/v1/api-keys", wish | {"account": "alice"}).status_code == 201
    assert payer.post("/v1/api-keys", wish | {"scopes": ["journal.transfer"], "account": "bob"}).status_code == 201


def test_an_accounts_key_revokes_what_it_issued_and_nothing_else(ledger: Ledger) -> None:
    ledger.open("alice")
    first, second = Api(ledger, account="alice"), Api(ledger, account="alice")
    child = child_of(first, "read", account="alice")

    refused(first.post(f"/v1/api-keys/{second.id}/revoke"), 404, "api_key_not_found")
    assert first.post(f"/v1/api-keys/{child.id}/revoke").status_code == 201
    assert first.post(f"/v1/api-keys/{first.id}/revoke").status_code == 201


@pytest.mark.parametrize("alias", [APP, OWNER])
@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("scopes", "'[\"*\"]'"),
        ("scopes", "'[\"journal.*\"]'"),
        ("account_id", "NULL"),
        ("expires_at", "NULL"),
        ("expires_at", "now() + interval '1 year'"),
        ("identity", "'user:1'"),
        ("lineage", "'{}'"),
        ("parent_id", "NULL"),
        ("tenant_id", "(SELECT min(id) FROM accounts_tenant)"),
    ],
)
def test_the_database_forbids_it_by_itself(ledger: Ledger, alias: str, column: str, value: str) -> None:
    ledger.open("alice")
    parent = Api(ledger, "journal.transfer", "read", "accounts.issue_api_key", account="alice", expires_in=3600)
    child = child_of(parent, "journal.transfer", account="alice")
    columns = [field.column for field in ApiKey._meta.concrete_fields]
    values = {name: name for name in columns} | {"id": "gen_random_uuid()", "digest": "'\\x00'", column: value}
    copy = (
        f"INSERT INTO accounts_apikey ({', '.join(columns)}) SELECT {', '.join(values[name] for name in columns)}"
        f" FROM accounts_apikey WHERE id = '{ids.read('key', child.id)}'"
    )
    assert constraint(attempt(alias, copy)) == Forbidden.constraint


def sent(ledger: Ledger, caller: Caller, command: str, **arguments: Any) -> Done:
    key = f"{caller.actor}-{command}-{arguments}"[:255]
    return execute_one(Call.of(ledger.tenant, caller, key, COMMANDS[command], arguments))


@pytest.fixture
def clerk() -> User:
    return User.objects.create(username=f"clerk-{NewKey.make().prefix}")


def key_of_person(ledger: Ledger, person: User) -> Api:
    """A root key that a member of the staff issued in the back office."""
    made = NewKey.make()
    asked = {"name": "mine", "scopes": ["*"], "prefix": made.prefix, "digest": made.digest}
    done = sent(ledger, Caller.user(person.pk, person.username), "issue_api_key", **asked)
    api = Api.__new__(Api)
    api.__dict__ |= Api(ledger).__dict__
    api.id, api.token, api.prefix = done.document["result"]["api_key"]["id"], made.token, made.prefix
    return api


def test_four_eyes_are_two_people(ledger: Ledger, clerk: User) -> None:
    """The clerk proposes; the clerk's key, a key of that key, and the clerk under another name are all the clerk."""
    bank = Bank(ledger)
    said = bank.say("1,-3,b-1,fee")
    person = Caller.user(clerk.pk, clerk.username)
    proposed = sent(ledger, person, "propose_adjustment", external_statement=said, line=1, **ITEM)
    adjustment = proposed.document["result"]["adjustment"]["id"]
    own = key_of_person(ledger, clerk)

    with pytest.raises(FourEyes):
        sent(ledger, Caller.user(clerk.pk, "somebody-else"), "approve_adjustment", adjustment=adjustment)
    for key in (own, child_of(own), child_of(child_of(own))):
        refused(key.post(f"/v1/adjustments/{adjustment}/approve"), 403, "four_eyes")

    assert Api(ledger).post(f"/v1/adjustments/{adjustment}/approve").status_code == 201


def test_a_key_does_not_approve_what_its_own_child_proposed(ledger: Ledger) -> None:
    bank = Bank(ledger)
    said = bank.say("1,-3,b-1,fee")
    root, other = Api(ledger), Api(ledger)
    child, sibling = child_of(root), child_of(root)
    answer = child.post(f"/v1/external-statements/{said}/adjustments", {"line": 1, **ITEM})
    adjustment = answer.json()["adjustment"]["id"]

    for key in (child, root, sibling):
        refused(key.post(f"/v1/adjustments/{adjustment}/approve"), 403, "four_eyes")
    assert other.post(f"/v1/adjustments/{adjustment}/approve").status_code == 201


@pytest.mark.parametrize("alias", [APP, OWNER])
def test_a_name_is_final(clerk: User, alias: str) -> None:
    rename = f"UPDATE auth_user SET username = 'another' WHERE id = {clerk.pk}"
    assert constraint(attempt(alias, rename)) == "username_is_final"
    with connections[alias].cursor() as cursor:
        cursor.execute(f"UPDATE auth_user SET first_name = 'Ann', username = username WHERE id = {clerk.pk}")
