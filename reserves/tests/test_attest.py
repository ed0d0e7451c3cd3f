"""Attesting by hand and by the clock."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from accounts.models import Tenant
from ledger_project.log import sealing
from ledger_project.testing.ledger import Ledger
from reserves import tasks
from reserves.models import Attestation
from reserves.tests.story import attest, record, register


def test_by_hand_and_made_again(ledger: Ledger) -> None:
    slug = Tenant.objects.get(pk=ledger.tenant).slug
    ledger.open("alice", funded=80)
    register(ledger, haircut_bps=0, is_eligible=True)
    record(ledger, amount=100)
    sealing.seal()
    out = StringIO()

    call_command("attest", tenant=slug, stdout=out)
    made = Attestation.objects.get(tenant=ledger.tenant)
    call_command("attest", tenant=slug, repeat=str(made), stdout=out)

    first, second = out.getvalue().splitlines()
    assert first.endswith("coverage 1.250000")
    assert second == f"{made} follows from the rows, byte for byte"
    with pytest.raises(CommandError, match="there is no attestation att_1"):
        call_command("attest", tenant=slug, repeat="att_1")


def test_the_clock_attests_what_is_backed_once_an_hour(ledger: Ledger) -> None:
    ledger.open("alice", funded=80)
    other = Ledger()
    register(ledger)
    sealing.seal()

    tasks.attest()
    tasks.attest()

    assert 1 <= Attestation.objects.filter(tenant=ledger.tenant).count() <= 2  # two where the hour turns in between
    assert not Attestation.objects.filter(tenant=other.tenant).exists()


def test_another_tenants_asset_is_not_counted(ledger: Ledger) -> None:
    """An asset of one tenant is none of another's, whatever its name."""
    register(Ledger(), haircut_bps=0, is_eligible=True)
    ledger.open("alice", funded=1)

    assert '"assets":[]' in attest(ledger).document
