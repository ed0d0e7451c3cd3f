"""Stop what `up` started."""

import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from ledger_project.embedded import detached
from ledger_project.embedded.processes import StartFailed


class Command(BaseCommand):
    help = "Stop the ledger that runs in LEDGER_HOME, and wait until it has stopped."
    requires_system_checks: list[str] = []

    def handle(self, **options: Any) -> None:
        try:
            code = detached.stop(settings.LEDGER_HOME, self.stdout.write)
        except StartFailed as error:
            self.stdout.write(str(error))
            code = 1
        sys.exit(code)
