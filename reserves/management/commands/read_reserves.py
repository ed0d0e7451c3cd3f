"""Ask the source of each reserve asset of a tenant now, and record what it says."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.models import Tenant
from ledger_project.kernel.errors import Refusal
from reserves.models import ReserveAsset
from reserves.reading import record_from_source
from reserves.sources import SourceFailed


class Command(BaseCommand):
    help = "Ask the sources of a tenant's reserve assets now; ends with 1 where one of them fails."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--tenant", required=True, metavar="SLUG")
        parser.add_argument("--asset", metavar="NAME", help="this one alone (default: all that have a source)")

    def handle(self, *args: Any, **options: Any) -> None:
        tenant = Tenant.objects.filter(slug=options["tenant"]).first()
        if tenant is None:
            raise CommandError(f"there is no tenant {options['tenant']}; make it with create_tenant")
        assets = ReserveAsset.objects.filter(tenant=tenant).exclude(source={}).exclude(source__kind="manual")
        if options["asset"]:
            assets = assets.filter(name=options["asset"])
        failed = 0
        for asset in assets.order_by("name"):
            try:
                made = record_from_source(asset).document["result"]["reserve_snapshot"]
            except (SourceFailed, Refusal) as error:
                failed += 1
                self.stderr.write(f"{asset.name} is not read: {error}")
            else:
                self.stdout.write(f"{asset.name}: {made['amount']} {asset.unit} ({made['id']})")
        if failed:
            raise CommandError(f"{failed} of the sources failed; what they have is growing old")
