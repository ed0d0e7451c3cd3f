"""Take pending withdrawals to the executor, once."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from holds.executors import configured
from holds.payouts import pay_pending
from ledger_project.log import outward
from ledger_project.log.tree import LogAltered


class Command(BaseCommand):
    help = "Take pending withdrawals to the configured executor, as the worker does every few seconds."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--limit", type=int, default=100, help="withdrawals to take on at most (default: 100)")

    def handle(self, *args: Any, **options: Any) -> None:
        executor = configured()
        if not executor.automatic:
            self.stdout.write("withdrawals are paid by hand here (WITHDRAWAL_EXECUTOR)")
            return
        try:
            outward.require_open()
        except LogAltered as refused:
            raise CommandError(str(refused)) from refused
        tally = pay_pending(executor, limit=options["limit"])
        self.stdout.write(", ".join(f"{n} {word}" for word, n in tally.items()) or "nothing to pay")
