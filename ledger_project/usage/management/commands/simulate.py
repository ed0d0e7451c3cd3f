"""Run the past again under other rules, and say what would have been otherwise; nothing is written."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.models import Tenant
from ledger_project.kernel import clock
from ledger_project.kernel.errors import Refusal
from ledger_project.usage.simulation import DRAFTS, Outcome, read_draft, simulate


class Command(BaseCommand):
    help = "Run the past again under other prices, budgets and grants: who would have been refused, and paid what."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--tenant", default="demo", help="slug of the tenant (default: demo)")
        parser.add_argument(
            "--from", dest="since", type=clock.read, help="an RFC 3339 time; drafts are in force from it"
        )
        parser.add_argument("--to", dest="until", type=clock.read, help="an RFC 3339 time (default: now)")
        for name, command in DRAFTS.items():
            parser.add_argument(f"--{name}", type=Path, metavar="FILE", help=f"a JSON array of arguments of {command}")
        parser.add_argument("--json", action="store_true", help="the whole outcome as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        tenant = Tenant.objects.filter(slug=options["tenant"]).first()
        if tenant is None:
            raise CommandError(f"there is no tenant {options['tenant']!r}")
        try:
            drafts = {name: read_draft(options[name].read_text("utf-8")) for name in DRAFTS if options[name]}
            found = simulate(tenant.pk, since=options["since"], until=options["until"], drafts=drafts)
        except (OSError, Refusal) as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps(found.document(), ensure_ascii=False, indent=1))
        else:
            self._tell(found)

    def _tell(self, found: Outcome) -> None:
        self.stdout.write(f"{found.calls} calls, {len(found.refused)} of them would have been refused")
        for each in found.refused:
            self.stdout.write(f"  {each.recorded_at} {each.command} {each.account}: {each.code} ({each.event})")
        for change in found.changes:
            (was, would), (has, would_have) = change.charged, change.balance
            self.stdout.write(
                f"  {change.account}: charged {was}, would be {would}; "
                f"has {has}, would have {would_have} {change.currency}"
            )
        for grant, (was, would) in found.lapsed.items():
            self.stdout.write(f"  {grant}: {was} lapsed, would be {would}")
        if not (found.refused or found.changes or found.lapsed):
            self.stdout.write("nothing would have been otherwise")
