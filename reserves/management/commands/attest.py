"""Attest a currency now; or check that an attestation still follows from its rows, or give those to an auditor."""

import uuid
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.models import Tenant
from ledger_project.kernel import ids
from ledger_project.kernel.errors import Refusal
from ledger_project.log.caller import Caller
from ledger_project.log.executor import system_key
from reserves import exporting
from reserves.issuing import issue
from reserves.loading import repeat
from reserves.models import Attestation


class Command(BaseCommand):
    help = "Attest a currency now (--repeat: make an issued attestation anew and compare it byte for byte)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--tenant", required=True, metavar="SLUG")
        parser.add_argument("--currency", metavar="CODE", help="(default: the tenant's only currency)")
        parser.add_argument("--repeat", metavar="ATT_ID", help="an attestation of this tenant")
        parser.add_argument("--export", metavar="ATT_ID", help="write the rows that it follows from, as JSON Lines")

    def handle(self, *args: Any, **options: Any) -> None:
        tenant = Tenant.objects.filter(slug=options["tenant"]).first()
        if tenant is None:
            raise CommandError(f"there is no tenant {options['tenant']}; make it with create_tenant")
        if options["repeat"]:
            self._repeat(self._find(tenant, options["repeat"]))
            return
        if options["export"]:
            for line in exporting.lines(self._find(tenant, options["export"])):
                self.stdout.write(line.decode(), ending="")
            return
        try:
            done = issue(
                tenant.pk,
                options["currency"],
                key=system_key("attest", uuid.uuid4().hex),
                caller=Caller.system("system:attest_command"),
            )
        except Refusal as refusal:
            raise CommandError(str(refusal)) from refusal
        made = done.document["result"]["attestation"]
        ratio = made["coverage_ratio"]
        covered = f"coverage {ratio['decimal']}" if ratio else "nothing is owed"
        self.stdout.write(f"{made['id']} {made['currency']} at {made['log_size']} leaves: {covered}")

    def _find(self, tenant: Tenant, ref: str) -> Attestation:
        key = ids.read("att", ref)
        rows = Attestation.objects.filter(tenant=tenant).select_related("checkpoint")
        issued = rows.filter(pk=key).first() if key else None
        if issued is None:
            raise CommandError(f"there is no attestation {ref}")
        return issued

    def _repeat(self, issued: Attestation) -> None:
        if repeat(issued) != issued.document.encode():
            raise CommandError(f"{issued} does not follow from the rows any more")
        self.stdout.write(f"{issued} follows from the rows, byte for byte")
