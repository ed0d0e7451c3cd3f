"""manage.py find_collisions: what is stored and does not fit the rules of names and references."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.collisions import problems


class Command(BaseCommand):
    help = (
        "List rows that mean the same, and names, references and currency codes that no new row may have"
        " (docs/identities.md). Changes nothing; also runs before the migrations. Exit code 1 where there are any."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        found = 0
        for problem in problems():
            self.stdout.write(str(problem))
            found += 1
        if found:
            raise CommandError(f"{found} found")
        self.stdout.write("None found.")
