"""Run everything: servers, migrations, demo tenant, web, timer, worker and beat."""

import sys
from argparse import SUPPRESS
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandParser

from ledger_project import env
from ledger_project.embedded import detached
from ledger_project.embedded.locking import AlreadyRunning
from ledger_project.embedded.processes import StartFailed
from ledger_project.embedded.supervisor import Options, Supervisor, summary


class Command(BaseCommand):
    help = (
        "Start PostgreSQL, Valkey, web, timer, worker and beat, and keep them running until Ctrl-C. "
        "DATABASE_URL and REDIS_URL replace the embedded servers; PORT and LEDGER_HOME say where it runs."
    )
    requires_system_checks: list[str] = []  # they would ask for the database that this command starts

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--detach", action="store_true", help="return when it is ready, and leave it running")
        parser.add_argument("--background", action="store_true", help=SUPPRESS)

    def handle(self, *, detach: bool, background: bool, **options: Any) -> None:
        try:
            code = self._detach() if detach else Supervisor(self._options(background), self._say).run()
        except (AlreadyRunning, StartFailed, ImproperlyConfigured) as error:
            self._say(str(error))
            code = 1
        sys.exit(code)

    def _detach(self) -> int:
        code = detached.start(settings.LEDGER_HOME, self._say)
        if code == 0:
            self._say(summary(settings.LEDGER_HOME))
            self._say("make down stops it.")
        return code

    def _options(self, background: bool) -> Options:
        return Options(
            home=settings.LEDGER_HOME,
            port=env.integer("PORT", default=8000, minimum=1),
            health_host=next((host for host in settings.ALLOWED_HOSTS if host[0] not in ".*"), "localhost"),
            web_workers=env.integer("WEB_WORKERS", default=2, minimum=1),
            web_threads=env.integer("WEB_THREADS", default=16, minimum=1),
            worker_concurrency=env.integer("WORKER_CONCURRENCY", default=2, minimum=1),
            database_url=settings.DATABASE_URL if env.given("DATABASE_URL") else None,
            database_owner_url=settings.DATABASE_OWNER_URL if env.given("DATABASE_URL") else None,
            database_sealer_url=settings.DATABASE_SEALER_URL if env.given("DATABASE_URL") else None,
            redis_url=settings.REDIS_URL if env.given("REDIS_URL") else None,
            show_secrets=not background,
        )

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
