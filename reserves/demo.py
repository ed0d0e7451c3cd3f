"""What stands behind the demo tenant's credits: invented, as all of its books, and attested like real reserves."""

from datetime import timedelta
from typing import Any

from ledger_project.kernel import clock
from ledger_project.log import sealing
from ledger_project.log.caller import Caller
from ledger_project.log.executor import run, system_key
from reserves import issuing
from reserves.models import ReserveAsset
from reserves.presets import COMPUTE

CURRENCY, ACTOR = "CRD", "system:seed_demo"
CASH = {
    "name": "demo:cash",
    "asset_type": "fiat",
    "provider": "Demo Bank",
    "unit": CURRENCY,
    "haircut_bps": 0,
    "is_eligible": True,
    "max_age_seconds": 30 * 24 * 3600,
}
GEMINI = {**COMPUTE[0], "max_age_seconds": 7 * 24 * 3600}
del GEMINI["source"]  # there is no account to read
INVENTED = "invented for the demo"
SNAPSHOTS: list[dict[str, Any]] = [
    {"asset": "demo:cash", "amount": 20_000_000},
    {"asset": "compute:gemini", "amount": 160_000, "price": {"num": 100, "den": 1, "provenance": INVENTED}},
]


def stories(tenant: int) -> None:
    """Register, count and attest, once: what becomes of it afterwards is for whoever uses the demo."""
    if ReserveAsset.objects.filter(tenant=tenant).exists():
        return
    for asset in (CASH, GEMINI):
        _do(tenant, "register_reserve_asset", asset["name"], currency=CURRENCY, **asset)
    taken = clock.stamp(clock.now() - timedelta(seconds=1))
    for snapshot in SNAPSHOTS:
        _do(
            tenant, "record_reserve_snapshot", snapshot["asset"], **snapshot,
            taken_at=taken, provenance=INVENTED,
        )  # fmt: skip
    sealing.seal()
    issuing.issue(tenant, CURRENCY, key=system_key("demo", "attestation"), caller=Caller.system(ACTOR))


def _do(tenant: int, command: str, what: Any, **arguments: Any) -> None:
    run(tenant, command, key=f"demo:{command}:{what}", actor=ACTOR, **arguments)
