"""Issue the statements that are due."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.models import Tenant
from journal.statements.issuing import issue_due
from ledger_project.kernel import clock


class Command(BaseCommand):
    help = "Issue the statements of the months that are over, of every account, each once. Beat does so every night."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--tenant", help="slug of one tenant (default: all)")

    def handle(self, *args: Any, **options: Any) -> None:
        tenant = None
        if options["tenant"] is not None:
            tenant = Tenant.objects.filter(slug=options["tenant"]).values_list("pk", flat=True).first()
            if tenant is None:
                raise CommandError(f"there is no tenant {options['tenant']!r}")
        self.stdout.write(f"{issue_due(clock.now(), tenant)} statements issued")
