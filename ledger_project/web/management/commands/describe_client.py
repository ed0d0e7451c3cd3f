"""Write client/src/ledger_client/_schema.py anew."""

from typing import Any

from django.core.management.base import BaseCommand

from ledger_project.web.api import client_page


class Command(BaseCommand):
    help = "Print what the Python client knows of the commands, as client/src/ledger_client/_schema.py has it."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(client_page.page(), ending="")
