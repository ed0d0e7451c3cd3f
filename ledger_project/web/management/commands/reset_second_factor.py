"""Take a person's second factor away, when their device is lost and their backup codes are, too."""

from typing import Any

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser

from ledger_project.web.backoffice.second_factor import reset


class Command(BaseCommand):
    help = "Remove a person's second factor and backup codes; they set up another after their next password."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")

    def handle(self, *, username: str, **options: Any) -> None:
        user = User.objects.filter(username=username).first()
        if user is None:
            raise CommandError(f"there is nobody called {username}")
        if not reset(user):
            raise CommandError(f"{username} has no second factor")
        LogEntry.objects.log_actions(user.pk, [user], CHANGE, "Second factor removed from a shell.", single_object=True)
        self.stdout.write(f"{username} sets up a second factor at the next login.")
