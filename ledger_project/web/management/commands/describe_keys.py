"""Write docs/keys.md anew."""

from typing import Any

from django.core.management.base import BaseCommand

from ledger_project.web.api import keys_page


class Command(BaseCommand):
    help = "Print what each kind of key may do at each address, as docs/keys.md has it."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(keys_page.page(), ending="")
