"""Seal what has been committed, now, without the timer."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ledger_project.log import sealing
from ledger_project.log.sealer import NoSealer
from ledger_project.log.signing import NoSigningKey
from ledger_project.log.tree import LogAltered


class Command(BaseCommand):
    help = "Give every committed event its place in the log and sign a checkpoint over them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.epilog = "The timer does this every second; use it where there is none."
        parser.add_argument("--json", action="store_true", help="print the result as one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            done = sealing.seal()
        except (NoSealer, NoSigningKey, LogAltered) as refused:
            raise CommandError(str(refused)) from refused
        if done.busy:
            raise CommandError("another sealer is at work")
        size = head.size if (head := sealing.newest()) else 0
        if options["json"]:
            self.stdout.write(json.dumps({"sealed": done.sealed, "size": size}))
        else:
            self.stdout.write(f"{done.sealed} events sealed; the log has {size} leaves")
