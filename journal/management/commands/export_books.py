"""Write the books for another tool."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.models import Tenant
from journal.exports.formats import FORMATS, chunks
from journal.exports.reading import Period
from ledger_project.kernel.errors import Refusal
from ledger_project.kernel.fields import MomentField

EPILOG = """Example: manage.py export_books --format beancount --tenant demo --output demo.beancount
Check it: bean-check demo.beancount, hledger check -f demo.journal; both compare their sums with the ledger's."""


class Command(BaseCommand):
    help = "Write all entries of a tenant, or those of a period with its opening balances, for another tool."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.epilog = EPILOG
        parser.add_argument("--format", choices=sorted(FORMATS), required=True)
        parser.add_argument("--tenant", default="demo", help="slug of the tenant (default: demo)")
        parser.add_argument("--period", help="a year, a month or a day of effective time: 2026-10")
        parser.add_argument("--from", dest="since", help="effective at this RFC 3339 time or later")
        parser.add_argument("--to", dest="until", help="effective before this RFC 3339 time")
        parser.add_argument("--output", metavar="FILE", type=Path, help="where to write (default: standard output)")

    def handle(self, *args: Any, **options: Any) -> None:
        tenant = Tenant.objects.filter(slug=options["tenant"]).first()
        if tenant is None:
            raise CommandError(f"there is no tenant {options['tenant']!r}")
        try:
            pieces = chunks(options["format"], tenant.pk, period_of(options))
        except Refusal as refusal:
            raise CommandError(str(refusal)) from refusal
        if options["output"] is None:
            sys.stdout.buffer.writelines(pieces)
            return
        with options["output"].open("wb") as file:
            file.writelines(pieces)


def period_of(options: dict[str, Any]) -> Period:
    """Refuses: InvalidRequest."""
    given = {name: MomentField().parse(text, name) for name in ("since", "until") if (text := options[name])}
    return Period.asked(period=options["period"], since=given.get("since"), until=given.get("until"))
