"""Issue an API key and show its secret, this once."""

import json
import uuid
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.credentials import NewKey
from accounts.models import Tenant
from ledger_project.kernel.errors import Refusal
from ledger_project.log.executor import run

SECONDS_A_DAY = 24 * 3600


class Command(BaseCommand):
    help = "Issue an API key and show its secret, this once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--tenant", required=True, metavar="SLUG")
        parser.add_argument("--name", required=True, help="what the key is for")
        parser.add_argument(
            "--scopes", nargs="+", default=["*"], help="like read journal.transfer accounts.* (default: *)"
        )
        parser.add_argument("--expires-days", type=int, metavar="DAYS", help="(default: never)")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        tenant = Tenant.objects.filter(slug=options["tenant"]).first()
        if tenant is None:
            raise CommandError(f"there is no tenant {options['tenant']}; make it with create_tenant")
        days = options["expires_days"]
        made = NewKey.make()
        try:
            done = run(
                tenant.pk,
                "issue_api_key",
                key=f"create_api_key:{uuid.uuid4().hex}",
                actor="system:create_api_key",
                name=options["name"],
                scopes=[scope for scopes in options["scopes"] for scope in scopes.split(",") if scope],
                expires_in=days if days is None else days * SECONDS_A_DAY,
                prefix=made.prefix,
                digest=made.digest,
            )
        except Refusal as refusal:
            raise CommandError(str(refusal)) from refusal
        key = done.document["result"]["api_key"]
        self.stdout.write(
            json.dumps({**key, "secret": made.token}) if options["json"] else _for_people(key, made.token)
        )


def _for_people(key: dict[str, Any], token: str) -> str:
    return (
        f"{token}\n{key['id']}, scopes {' '.join(key['scopes'])}, expires {key['expires_at'] or 'never'}; shown once."
    )
