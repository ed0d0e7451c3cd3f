"""Let a restored copy go on in the place of its original."""

import getpass
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ledger_project.log import unfencing
from ledger_project.log.sealer import NoSealer
from ledger_project.log.tree import LogAltered
from ledger_project.log.unfencing import StaysFenced


class Command(BaseCommand):
    help = (
        "Let a database that was restored seal and send from now on, as an instance of its own. The original must not "
        "go on. Who asked and why is kept."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.epilog = 'Example: manage.py unfence --reason "the server of before is lost"'
        parser.add_argument("--reason", required=True, help="why this copy goes on")
        parser.add_argument("--by", default="", help="who says so (default: the user of the operating system)")

    def handle(self, *args: Any, **options: Any) -> None:
        why = options["reason"].strip()
        if not why:
            raise CommandError("say why this copy goes on")
        try:
            instance = unfencing.unfence(why, options["by"] or getpass.getuser())
        except (NoSealer, LogAltered, StaysFenced, OSError) as refused:
            raise CommandError(str(refused)) from refused
        self.stdout.write(f"This is instance {instance}; it seals and sends.")
