"""Make the demo tenant, its books, an admin login and an API key."""

import json
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from holds.demo import seed


class Command(BaseCommand):
    help = "Make the demo tenant, its books, an admin login and an API key; what is there already stays as it is."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        made = seed(settings.LEDGER_HOME / "demo.json")
        if options["json"]:
            self.stdout.write(json.dumps(made))
        else:
            for name, value in made.items():
                self.stdout.write(f"{name:16}{value}")
