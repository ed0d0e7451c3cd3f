"""What Celery does for reserves. The schedule is in the settings."""

import logging

from celery import shared_task

from ledger_project.kernel import clock
from ledger_project.kernel.errors import Refusal
from ledger_project.log.caller import Caller
from ledger_project.log.each import for_each
from ledger_project.log.executor import system_key
from ledger_project.log.outward import outward
from reserves.issuing import issue
from reserves.models import ReserveAsset
from reserves.reading import read_due

log = logging.getLogger(__name__)


@shared_task(ignore_result=True)
@outward
def read_reserves() -> None:
    """Record what the sources of reserve assets say, where it is due."""
    read_due()


@shared_task(ignore_result=True)
@outward
def attest() -> None:
    """Attest every currency that has a reserve asset, once an hour however often this runs."""
    hour = clock.stamp(clock.now())[:13]
    backed = ReserveAsset.objects.order_by("tenant_id", "currency").values_list("tenant_id", "currency").distinct()

    def attest_one(whose: tuple[int, str]) -> None:
        tenant, currency = whose
        try:
            issue(tenant, currency, key=system_key("attest", currency, hour), caller=Caller.system("system:attest"))
        except Refusal as refusal:
            log.error("currency %s of tenant %s is not attested: %s", currency, tenant, refusal)

    for_each("attest", backed, attest_one)
