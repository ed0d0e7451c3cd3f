"""Rebuild what is stored from the log and its postings, and compare."""

import json
from argparse import ArgumentParser
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import Progress

from accounts.models import Tenant
from journal.replay import rebuilding, replayed
from ledger_project.log.checks import Difference


class Command(BaseCommand):
    help = (
        "Rebuild what is stored from the log and its postings, and compare. Nothing is repaired."
        " Exit status: 0 all equal, 1 differences (each is printed)."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.epilog = "Example: manage.py replay --tenant demo"
        parser.add_argument("--tenant", help="slug of one tenant (default: all)")
        parser.add_argument(
            "--incremental",
            action="store_true",
            help="go on from the last full replay that found no difference, and believe what was before",
        )
        parser.add_argument("--json", action="store_true", help="print JSON Lines: each difference, and the count last")

    def handle(self, *args: Any, **options: Any) -> None:
        found = self._replay(_tenant(options["tenant"]), options["incremental"], quiet=options["json"])
        count = 0
        for each in found:
            count += 1
            self.stdout.write(json.dumps(asdict(each)) if options["json"] else _line(each))
        checks = [check.name for comparison in rebuilding() for check in comparison.checks]
        if options["json"]:
            self.stdout.write(json.dumps({"checks": checks, "differences": count}))
        else:
            self.stdout.write(f"{count} differences in {len(checks)} checks")
        if count:
            raise SystemExit(1)

    def _replay(self, tenant: int | None, incremental: bool, *, quiet: bool) -> Iterator[Difference]:
        """The differences as they are found, with a bar of the comparisons on standard error."""
        with Progress(console=Console(stderr=True, quiet=quiet), transient=True) as progress:
            bar = progress.add_task("replaying", total=len(rebuilding()))
            for comparison, differences in replayed(tenant, incremental=incremental):
                progress.update(bar, description=comparison.checks[0].says)
                yield from differences
                progress.advance(bar)


def _tenant(slug: str | None) -> int | None:
    if slug is None:
        return None
    tenant = Tenant.objects.filter(slug=slug).first()
    if tenant is None:
        raise CommandError(f"there is no tenant {slug!r}")
    return tenant.pk


def _line(each: Difference) -> str:
    of = f"tenant {each.tenant}, " if each.tenant is not None else ""
    return f"{each.check}: {of}{each.subject}: stored {each.stored}, replayed {each.replayed}"
