"""Ask for reconciliations and do them now."""

import json
import time
import uuid
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.models import Tenant
from journal.errors import ReconciliationUnderWay
from journal.models import ReconciliationRun
from journal.reconciliation import notify, reports, running
from ledger_project.log.executor import run

PATIENCE = 3600  # s, for a worker that is at it already: the longest that a task of it may take


class Command(BaseCommand):
    help = (
        "Run all checks of the books and of the sealed log, store what they find, and tell of it."
        " Exit status: 0 all match, 1 differences (each is printed)."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.epilog = "Example: manage.py reconcile --tenant demo"
        parser.add_argument("--tenant", help="slug of one tenant (default: all)")
        parser.add_argument("--json", action="store_true", help="print JSON Lines: one report for each tenant")

    def handle(self, *args: Any, **options: Any) -> None:
        tenants = Tenant.objects.order_by("pk")
        if options["tenant"]:
            tenants = tenants.filter(slug=options["tenant"])
            if not tenants.exists():
                raise CommandError(f"there is no tenant {options['tenant']!r}")
        asked = [ask(tenant.pk) for tenant in tenants]
        red = 0
        for found in finished(asked):
            red += bool(found.mismatches)
            self._print(found, as_json=options["json"])
        notify.tell()
        if red:
            raise SystemExit(1)

    def _print(self, found: ReconciliationRun, *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps(reports.report(found), ensure_ascii=False))
            return
        for each in reports.findings(found):
            self.stdout.write(f"{each.check_name}: {each.subject}: stored {each.stored}, should be {each.replayed}")
        self.stdout.write(f"{found.tenant.slug}: {found.mismatches} differences in {len(found.checks)} checks, {found}")


def ask(tenant: int) -> uuid.UUID:
    """A run of this tenant that waits: ours, or the one that was asked for already."""
    try:
        done = run(tenant, "request_reconciliation", key=f"reconcile:{uuid.uuid4().hex}", actor="system:reconcile")
        shown = done.document["result"]["reconciliation"]["id"]
    except ReconciliationUnderWay as waiting:
        shown = waiting.facts["reconciliation"]
    return uuid.UUID(hex=shown.removeprefix("rec_"))


def finished(asked: list[uuid.UUID]) -> list[ReconciliationRun]:
    """Those runs when they are over, done here or by the worker that had begun them."""
    deadline = time.monotonic() + PATIENCE
    runs = ReconciliationRun.objects.filter(pk__in=asked).select_related("tenant").order_by("tenant")
    running.run_waiting()
    while runs.filter(finished_at__isnull=True).exists():
        if time.monotonic() > deadline:
            raise CommandError("a worker is at it and does not come to an end")
        time.sleep(1)
        running.run_waiting()
    return list(runs)
