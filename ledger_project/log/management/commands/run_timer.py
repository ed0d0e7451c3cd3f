"""Seal the log and end holds, without Celery and Redis, until told to stop."""

import logging
import signal
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from ledger_project.celery import give_way
from ledger_project.kernel.collector import spare_the_loaded
from ledger_project.log import sealer
from ledger_project.log.timer import Timer


class Command(BaseCommand):
    help = "Seal the log every second, or at once when somebody waits, and end the holds whose time is over."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.epilog = "Several may run at once, against one that dies; one is enough."
        parser.add_argument("--pulse", type=Path, metavar="FILE", help="touch this file after each pass")

    def handle(self, *args: Any, **options: Any) -> None:
        """As a worker: not without the sealer's address, and what does not work is said at once."""
        timer = Timer(options["pulse"])
        for stopping in (signal.SIGTERM, signal.SIGINT):
            signal.signal(stopping, lambda number, frame: timer.stop())
        try:
            trouble = sealer.trouble()
        except sealer.NoSealer as missing:
            raise CommandError(str(missing)) from missing
        if trouble:
            logging.getLogger(__name__).critical(trouble)
        connections.close_all()
        give_way()
        spare_the_loaded()
        timer.run()
