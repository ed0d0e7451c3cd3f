"""The presets for compute credits, registered once however often they are."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from accounts.models import Tenant
from ledger_project.testing.ledger import Ledger
from reserves.models import ReserveAsset


def test_gemini_and_fal_have_their_haircuts(ledger: Ledger) -> None:
    slug = Tenant.objects.get(pk=ledger.tenant).slug

    for _ in range(2):
        call_command("register_compute_reserves", tenant=slug, stdout=StringIO())

    rows = ReserveAsset.objects.filter(tenant=ledger.tenant).order_by("name")
    assert [(row.name, row.asset_type, row.haircut_bps, row.is_eligible) for row in rows] == [
        ("compute:fal", "compute_credit", 7000, True),
        ("compute:gemini", "compute_credit", 5000, True),
    ]
    assert all("credit" in row.metadata["sku_semantics"] for row in rows)


def test_an_unknown_tenant_is_named() -> None:
    with pytest.raises(CommandError, match="there is no tenant nobody"):
        call_command("register_compute_reserves", tenant="nobody")
