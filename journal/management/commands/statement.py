"""Write a statement."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.errors import AccountNotFound
from accounts.models import Tenant
from accounts.rows import account_key, look_up
from journal.management.commands.export_books import period_of
from journal.statements.formats import FORMS, chunks
from ledger_project.kernel.errors import Refusal
from ledger_project.log.queries import read

EPILOG = "Example: manage.py statement alice --period 2026-10 --format pdf --output alice-2026-10.pdf"


class Command(BaseCommand):
    help = "Write the statement of an account for a period, by time of recording: JSON, CSV, PDF or a page to print."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.epilog = EPILOG
        parser.add_argument("account", help="name or id")
        parser.add_argument("--format", choices=sorted(FORMS), default="json")
        parser.add_argument("--tenant", default="demo", help="slug of the tenant (default: demo)")
        parser.add_argument("--period", help="a year, a month or a day: 2026-10")
        parser.add_argument("--from", dest="since", help="recorded at this RFC 3339 time or later")
        parser.add_argument("--to", dest="until", help="recorded before this RFC 3339 time")
        parser.add_argument("--output", metavar="FILE", type=Path, help="where to write (default: standard output)")

    def handle(self, *args: Any, **options: Any) -> None:
        tenant = Tenant.objects.filter(slug=options["tenant"]).first()
        if tenant is None:
            raise CommandError(f"there is no tenant {options['tenant']!r}")
        try:
            key = account_key(options["account"])
            account = look_up(tenant.pk, [key], read).get(key)
            if account is None:
                raise AccountNotFound(account=options["account"])
            pieces = chunks(options["format"], account, period_of(options))
            if options["output"] is None:
                sys.stdout.buffer.writelines(pieces)
                return
            with options["output"].open("wb") as file:
                file.writelines(pieces)
        except Refusal as refusal:
            raise CommandError(str(refusal)) from refusal
