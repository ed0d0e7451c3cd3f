"""Attest a currency now, or check that an attestation still follows from the rows that it was made from."""

import uuid
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.models import Tenant
from ledger_project.kernel import ids
from ledger_project.kernel.errors import Refusal
from reserves.issuing import issue
from reserves.loading import repeat
from reserves.models import Attestation


class Command(BaseCommand):
    help = "Attest a currency now (--repeat: make an issued attestation anew and compare it byte for byte)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--tenant", required=True, metavar="SLUG")
        parser.add_argument("--currency", metavar="CODE", help="(default: the tenant's only currency)")
        parser.add_argument("--repeat", metavar="ATT_ID", help="an attestation of this tenant")

    def handle(self, *args: Any, **options: Any) -> None:
        tenant = Tenant.objects.filter(slug=options["tenant"]).first()
        if tenant is None:
            raise CommandError(f"there is no tenant {options['tenant']}; make it with create_tenant")
        if options["repeat"]:
            self._repeat(tenant, options["repeat"])
            return
        try:
            done = issue(
                tenant.pk, options["currency"], key=f"attest:{uuid.uuid4().hex}", actor="system:attest_command"
            )
        except Refusal as refusal:
            raise CommandError(str(refusal)) from refusal
        made = done.document["result"]["attestation"]
        ratio = made["coverage_ratio"]
        covered = f"coverage {ratio['decimal']}" if ratio else "nothing is owed"
        self.stdout.write(f"{made['id']} {made['currency']} at {made['log_size']} leaves: {covered}")

    def _repeat(self, tenant: Tenant, ref: str) -> None:
        key = ids.read("att", ref)
        rows = Attestation.objects.filter(tenant=tenant).select_related("checkpoint")
        issued = rows.filter(pk=key).first() if key else None
        if issued is None:
            raise CommandError(f"there is no attestation {ref}")
        if repeat(issued) != issued.document.encode():
            raise CommandError(f"{ref} does not follow from the rows any more")
        self.stdout.write(f"{ref} follows from the rows, byte for byte")
