"""Write the log as JSON Lines, for `ledger-verify log`."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ledger_project.kernel.errors import Refusal
from ledger_project.log import export, receipts
from ledger_project.log.executor import look


class Command(BaseCommand):
    help = "Write the sealed log as JSON Lines: a tenant's events in full and the others' hashes, or all in full."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.epilog = "Example: manage.py export_log --tenant demo --output demo.jsonl"
        parser.add_argument("--tenant", metavar="SLUG", help="show the events of this tenant only (default: all)")
        parser.add_argument("--output", metavar="FILE", type=Path, help="where to write (default: standard output)")

    def handle(self, *args: Any, **options: Any) -> None:
        tenant = None
        if options["tenant"] is not None:
            found = look("SELECT id FROM accounts_tenant WHERE slug = %s", (options["tenant"],))
            if not found:
                raise CommandError(f"there is no tenant {options['tenant']!r}")
            ((tenant,),) = found
        try:
            head = receipts.head()
        except Refusal as refusal:
            raise CommandError(refusal.message()) from refusal
        if options["output"] is None:
            sys.stdout.buffer.writelines(export.lines(head, tenant))
            return
        with options["output"].open("wb") as file:
            file.writelines(export.lines(head, tenant))
