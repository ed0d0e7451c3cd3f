"""Price recorded usage anew by the versions that are in force for its time now, after saying what it will cost whom."""

from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from accounts.models import Tenant
from ledger_project.kernel import clock, ids
from ledger_project.kernel.identity import fold
from ledger_project.log.executor import Done, execute, look, system_call
from ledger_project.log.queries import read
from ledger_project.usage.books import in_force
from ledger_project.usage.errors import NoPrice, PriceBookNotFound
from ledger_project.usage.rows import read_books

PAGE = 200
ACTOR = "system:reprice"


class Command(BaseCommand):
    help = (
        "Post corrections for usage that a version published since prices otherwise. Says what it will cost whom;"
        " --yes posts it. Run again, it goes on where it was broken off."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("book")
        parser.add_argument("--tenant", default="demo", help="slug of the tenant (default: demo)")
        parser.add_argument("--from", dest="since", type=clock.read, required=True, help="used at this time or later")
        parser.add_argument("--to", dest="until", type=clock.read, required=True, help="used before this time")
        parser.add_argument("--yes", action="store_true", help="post the corrections")

    def handle(self, *args: Any, **options: Any) -> None:
        tenant = Tenant.objects.filter(slug=options["tenant"]).first()
        if tenant is None:
            raise CommandError(f"there is no tenant {options['tenant']!r}")
        try:
            stale = list(_stale(tenant.pk, options["book"], options["since"], options["until"]))
        except (PriceBookNotFound, NoPrice) as refusal:
            raise CommandError(str(refusal)) from refusal
        charged: dict[str, int] = {}
        refused = 0
        for start in range(0, len(stale), PAGE):
            calls = [
                system_call(
                    tenant.pk,
                    "correct_usage",
                    key=f"reprice:{usage}:{version}",
                    actor=ACTOR,
                    usage=ids.show("usg", usage),
                    reprice=True,
                    reason=f"priced anew by {ids.show('prv', version)}",
                )
                for usage, _, version in stale[start : start + PAGE]
            ]
            results = execute(calls, dry_run=not options["yes"])
            for (usage, account, _), result in zip(stale[start : start + PAGE], results, strict=True):
                if isinstance(result, Done):
                    moved = int(result.document["result"]["usage"]["charged"])
                    charged[account] = charged.get(account, 0) + moved
                else:
                    refused += 1
                    self.stderr.write(f"{ids.show('usg', usage)}: {result}")
        done = "was" if options["yes"] else "would be"
        for account, amount in sorted(charged.items()):
            self.stdout.write(f"{account}: {amount} {done} charged")
        self.stdout.write(f"{len(stale) - refused} corrections, {sum(charged.values())} in all; {refused} refused")
        if not options["yes"] and stale:
            self.stdout.write("nothing was posted; --yes posts it")


def _stale(tenant: int, book: str, since: Any, until: Any) -> Iterator[tuple[UUID, str, UUID]]:
    """Usage that another version is in force for now: its newest posting, who used it, and that version."""
    books = read_books(tenant, look)
    for usage, account, version, at in read(_CURRENT, (tenant, fold(book), since, until)):
        now = in_force(books, book, at).id
        if now != version:
            yield usage, account, now


_CURRENT = """
SELECT usage.id, account.name, usage.version_id, usage.at
  FROM usage_usage AS usage
  JOIN usage_priceversion AS version ON version.id = usage.version_id
  JOIN accounts_account AS account ON account.id = usage.account_id
 WHERE usage.tenant_id = %s AND folded(version.book) = %s AND usage.at >= %s AND usage.at < %s
   AND NOT EXISTS (SELECT FROM usage_usage AS later WHERE later.follows_id = usage.id)
 ORDER BY usage.id
"""
