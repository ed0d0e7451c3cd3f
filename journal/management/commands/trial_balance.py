"""Print the trial balance."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.models import Tenant
from journal.as_of import Cut
from journal.trial_balance import DEEPEST, Row, Side, trial_balance
from ledger_project.kernel.errors import Refusal
from ledger_project.kernel.fields import MomentField
from ledger_project.web.backoffice.html import grouped


class Command(BaseCommand):
    help = "Print every currency's debits and credits, summed along the segments of the accounts' names, at any moment."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--tenant", default="demo", help="slug of the tenant (default: demo)")
        parser.add_argument("--as-of", help="what was effective at this RFC 3339 time or before")
        parser.add_argument("--known-at", help="what was recorded at this RFC 3339 time or before")
        parser.add_argument("--prefix", help="what the accounts' names begin with")
        parser.add_argument("--currency", help="the code of a currency")
        parser.add_argument("--depth", type=int, default=2, choices=range(1, DEEPEST + 1), metavar="N")
        parser.add_argument("--json", action="store_true", help="minor units, for machines")

    def handle(self, *args: Any, **options: Any) -> None:
        tenant = Tenant.objects.filter(slug=options["tenant"]).first()
        if tenant is None:
            raise CommandError(f"there is no tenant {options['tenant']!r}")
        asked = {name: options[name] for name in ("prefix", "currency", "depth")}
        try:
            moments = {name: MomentField().parse(at, name) for name in ("as_of", "known_at") if (at := options[name])}
            sides = trial_balance(tenant.pk, Cut(**moments), **asked)
        except Refusal as refusal:
            raise CommandError(str(refusal)) from refusal
        if options["json"]:
            self.stdout.write(json.dumps([side.document() for side in sides], indent=2))
            return
        for side in sides:
            self.stdout.write("\n".join([*lines(side), ""]))


def lines(side: Side) -> list[str]:
    """A table of one currency: the tree by indentation, amounts right-aligned in units of the currency."""
    rows = [(side.currency, "debit", "credit")]
    rows += [("  " * row.depth + row.name.rsplit(":", 1)[-1], *amounts(row, side.scale)) for row in side.rows]
    rows.append(("total", *amounts(side.total, side.scale)))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return [f"{name:<{widths[0]}}  {debit:>{widths[1]}}  {credit:>{widths[2]}}" for name, debit, credit in rows]


def amounts(row: Row, scale: int) -> tuple[str, str]:
    return grouped(row.debit, scale), grouped(row.credit, scale)
