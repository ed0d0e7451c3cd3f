"""Rebuild what is stored from the log and its postings, and compare."""

import json
import uuid
from argparse import ArgumentParser
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import Progress

from accounts.models import Tenant
from journal.replay import BALANCES, rebuilding, replayed
from ledger_project.kernel.errors import Refusal
from ledger_project.log.checks import Difference
from ledger_project.log.executor import run


class Command(BaseCommand):
    help = (
        "Rebuild what is stored from the log and its postings, and compare. Nothing is repaired without --repair."
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
        parser.add_argument(
            "--repair",
            metavar="REASON",
            help="make balances that differ what their postings say, post nothing, keep the reason in the log; then"
            " replay again",
        )
        parser.add_argument("--json", action="store_true", help="print JSON Lines: each difference, and the count last")

    def handle(self, *args: Any, **options: Any) -> None:
        tenant, as_json = _tenant(options["tenant"]), options["json"]
        count, balances = self._compare(tenant, options["incremental"], as_json)
        if options["repair"] and balances:
            for of, account in sorted(balances):
                self.stderr.write(_repair(of, account, options["repair"]))
            count, _ = self._compare(tenant, options["incremental"], as_json)
        checks = [check.name for comparison in rebuilding() for check in comparison.checks]
        if options["json"]:
            self.stdout.write(json.dumps({"checks": checks, "differences": count}))
        else:
            self.stdout.write(f"{count} differences in {len(checks)} checks")
        if count:
            raise SystemExit(1)

    def _compare(self, tenant: int | None, incremental: bool, as_json: bool) -> tuple[int, set[tuple[int, str]]]:
        """Print every difference; how many there are, and of which tenants' accounts the balances are that differ."""
        count, balances = 0, set()
        for each in self._replay(tenant, incremental, quiet=as_json):
            count += 1
            self.stdout.write(json.dumps(asdict(each)) if as_json else _line(each))
            if each.check == BALANCES.name and each.account and each.tenant is not None:
                balances.add((each.tenant, each.account))
        return count, balances

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


def _repair(tenant: int, account: str, reason: str) -> str:
    """Run the command; what became of it, in a line."""
    key = f"replay:{uuid.uuid4().hex}"
    try:
        done = run(tenant, "repair_balance", key=key, actor="system:replay", account=account, reason=reason)
    except Refusal as refusal:
        return f"{account} is not repaired: {refusal}"
    return f"{account} is repaired: {done.document['id']}"


def _line(each: Difference) -> str:
    of = f"tenant {each.tenant}, " if each.tenant is not None else ""
    return f"{each.check}: {of}{each.subject}: stored {each.stored}, replayed {each.replayed}"
