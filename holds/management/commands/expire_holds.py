"""End the holds and escrows whose time is over, once."""

from typing import Any

from django.core.management.base import BaseCommand

from holds.expiry import expire_due


class Command(BaseCommand):
    help = (
        "End the holds and escrows whose time is over, as the worker does every few seconds. Safe to run at any time."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        tally = expire_due()
        self.stdout.write(f"{tally.pop('expired', 0)} expired" + "".join(f", {n} {code}" for code, n in tally.items()))
