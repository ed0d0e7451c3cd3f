"""Recompute every balance from the postings and compare."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console

from accounts.models import Tenant
from journal.replay import Check, replay


class Command(BaseCommand):
    help = "Recompute what is stored from the postings. Exit status: 0 all equal, 1 differences (each is printed)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.epilog = "Example: manage.py replay --tenant demo"
        parser.add_argument("--tenant", help="slug of one tenant (default: all)")
        parser.add_argument("--json", action="store_true", help="print the result as one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        tenant = None
        if options["tenant"]:
            tenant = Tenant.objects.filter(slug=options["tenant"]).first()
            if tenant is None:
                raise CommandError(f"there is no tenant {options['tenant']!r}")
        console = Console(stderr=True, quiet=options["json"])
        with console.status("replaying") as status:
            differences = replay(tenant.pk if tenant else None, watch=lambda check: status.update(check.says))
        if options["json"]:
            checks = [check.name for check in Check.all]
            self.stdout.write(json.dumps({"checks": checks, "differences": [asdict(each) for each in differences]}))
        else:
            for each in differences:
                values = f"stored {each.stored}, replayed {each.replayed}"
                self.stdout.write(f"{each.check}: tenant {each.tenant}, {each.subject}: {values}")
            self.stdout.write(f"{len(differences)} differences in {len(Check.all)} checks")
        if differences:
            raise SystemExit(1)
