"""Short words for tests about reserves."""

from datetime import timedelta
from typing import Any

from ledger_project.kernel import clock
from ledger_project.log import sealing
from ledger_project.testing.ledger import TEST, Ledger
from reserves import issuing
from reserves.models import Attestation


def register(ledger: Ledger, name: str = "bank", **options: Any) -> str:
    given = {"asset_type": "fiat", "provider": "First Bank", "unit": "CRD", "max_age_seconds": 3600} | options
    return str(ledger.run("register_reserve_asset", name=name, **given).document["result"]["reserve_asset"]["id"])


def record(ledger: Ledger, asset: str = "bank", amount: Any = 100, *, ago: int = 5, **options: Any) -> str:
    given = {"taken_at": clock.stamp(clock.now() - timedelta(seconds=ago)), "provenance": "statement 7"} | options
    done = ledger.run("record_reserve_snapshot", asset=asset, amount=amount, **given)
    return str(done.document["result"]["reserve_snapshot"]["id"])


def attest(ledger: Ledger, currency: str | None = None) -> Attestation:
    """The attestation of all that was done until now."""
    sealing.seal()
    key = f"attest-{Attestation.objects.filter(tenant=ledger.tenant).count()}"
    done = issuing.issue(ledger.tenant, currency, key=key, caller=TEST)
    made = done.document["result"]["attestation"]
    return Attestation.objects.select_related("checkpoint").get(pk=made["id"][4:])
