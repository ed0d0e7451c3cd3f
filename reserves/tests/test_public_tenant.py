"""Whose attestations the public address shows: those of the tenant that a setting names, or the first that attested."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client, override_settings

from accounts.models import Tenant
from ledger_project.kernel import clock
from ledger_project.log import sealing
from ledger_project.testing.databases import own_database
from ledger_project.testing.ledger import Ledger
from reserves import landing, queries
from reserves.tests.story import attest

ADDRESS = "/attestation/reserve"


@pytest.fixture(autouse=True)
def alone() -> Iterator[None]:
    with own_database():
        yield


def shown(path: str = ADDRESS) -> Any:
    response = Client().get(path, headers={"Accept": "application/json"})
    assert response.status_code == 200, response.content
    return json.loads(response.content)


def test_another_tenants_attestation_does_not_hide_the_operators() -> None:
    operator, other = Ledger(), Ledger(currency="EUR", scale=2)
    mine = attest(operator)

    for _ in range(2):
        attest(other)

    assert shown()["id"] == str(mine)
    assert [each["id"] for each in shown(f"{ADDRESS}/history?currency=CRD")["results"]] == [str(mine)]
    assert Client().get(f"{ADDRESS}?currency=EUR").status_code == 404
    assert queries.public_currencies() == ["CRD"]
    assert landing.coverage().caption == "nothing is owed"
    newer = attest(operator)
    assert shown()["id"] == str(newer)


def test_the_first_stays_the_first_when_clocks_are_set_back() -> None:
    operator, other = Ledger(), Ledger()
    mine = attest(operator)
    sealing.seal()

    with clock.moved(-timedelta(days=400)):
        theirs = attest(other)

    assert theirs.id < mine.id  # ids begin with the time
    assert shown()["id"] == str(mine)
    sealing.seal()
    assert shown()["id"] == str(mine)


def test_a_setting_names_the_tenant_whoever_was_first() -> None:
    operator, other = Ledger(), Ledger()
    attest(other)
    mine = attest(operator)

    with override_settings(ATTESTATION_TENANT=Tenant.objects.get(pk=operator.tenant).slug):
        assert shown()["id"] == str(mine)
    with override_settings(ATTESTATION_TENANT="nobody-of-this-name"):
        assert Client().get(ADDRESS).status_code == 404
