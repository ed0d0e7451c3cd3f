"""create_tenant and create_api_key: the first key comes from the shell."""

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.models import ApiKey, Tenant
from ledger_project.testing.api import Api, refused
from ledger_project.testing.ledger import Ledger


def shell(*words: str) -> str:
    out = StringIO()
    call_command(*words, stdout=out)
    return out.getvalue()


def create(ledger: Ledger, *words: str) -> Any:
    slug = Tenant.objects.get(pk=ledger.tenant).slug
    return json.loads(shell("create_api_key", "--tenant", slug, "--name", "shell", "--json", *words))


def test_the_key_works(ledger: Ledger) -> None:
    created = create(ledger)
    api = Api(ledger)
    api.token = created["secret"]

    assert api.post("/v1/accounts", {"name": "alice"}).status_code == 201
    assert created["scopes"] == ["*"]
    assert ledger.tail(3)[0] == "api_key.issued"


def test_scopes_and_expiry_are_kept(ledger: Ledger) -> None:
    created = create(ledger, "--scopes", "read", "journal.*,accounts.open_account", "--expires-days", "30")

    assert created["scopes"] == ["read", "journal.*", "accounts.open_account"]
    row = ApiKey.objects.get(prefix=created["prefix"])
    assert row.expires_at is not None
    assert (row.expires_at - row.created_at).days == 30


def test_people_see_the_key_on_a_line_of_its_own(ledger: Ledger) -> None:
    slug = Tenant.objects.get(pk=ledger.tenant).slug

    first, second, _ = shell("create_api_key", "--tenant", slug, "--name", "shell").split("\n")

    assert first.startswith("lk_")
    assert "expires never" in second


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--scopes", "journal.tranfer"], "unknown_scope"),
        (["--expires-days", "0"], "expires_in"),
        (["--tenant", "nobody"], "no tenant nobody"),
    ],
)
def test_what_is_wrong_is_said_and_no_key_is_made(ledger: Ledger, words: list[str], says: str) -> None:
    with pytest.raises(CommandError, match=says):
        create(ledger, *words)

    assert not ApiKey.objects.filter(tenant=ledger.tenant).exists()


def test_a_tenant_is_made_once(ledger: Ledger) -> None:
    slug = f"shop-{ledger.tenant}"

    made = json.loads(shell("create_tenant", slug, "--name", "The shop", "--json"))

    tenant = Tenant.objects.get(slug=slug)
    assert made == {"tenant": f"ten_{tenant.pk}", "slug": slug, "name": "The shop"}
    with pytest.raises(CommandError, match="already"):
        shell("create_tenant", slug)
    with pytest.raises(CommandError, match="not a slug"):
        shell("create_tenant", "no slug")


def test_a_key_is_good_for_its_tenant_alone(ledger: Ledger) -> None:
    ledger.open("alice")
    other = Ledger()
    api = Api(other)
    api.token = create(other)["secret"]

    refused(api.post("/v1/accounts/alice/freeze"), 404, "account_not_found")
