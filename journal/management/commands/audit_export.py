"""Write the audit archive of a period."""

import shutil
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.models import Tenant
from journal.audit import archive
from ledger_project.kernel.errors import Refusal

EPILOG = """Example: manage.py audit_export --tenant demo --period 2026-10
Check it: unzip it, and do what its README.txt says; it needs no ledger."""


class Command(BaseCommand):
    help = "Write all that an auditor needs to check the books of a period offline, as one signed ZIP file."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.epilog = EPILOG
        parser.add_argument("--tenant", default="demo", help="slug of the tenant (default: demo)")
        parser.add_argument("--period", required=True, help="a year, a month or a day of effective time: 2026-10")
        parser.add_argument("--output", metavar="FILE", type=Path, help="where to write (default: audit-….zip, here)")

    def handle(self, *args: Any, **options: Any) -> None:
        tenant = Tenant.objects.filter(slug=options["tenant"]).first()
        if tenant is None:
            raise CommandError(f"there is no tenant {options['tenant']!r}")
        try:
            made = archive.make(tenant, options["period"])
        except Refusal as refusal:
            raise CommandError(str(refusal)) from refusal
        output: Path = options["output"] or Path(archive.file_name(tenant, options["period"]))
        with made, output.open("wb") as file:
            shutil.copyfileobj(made, file)
        self.stdout.write(f"{output}: {output.stat().st_size:,} bytes")
