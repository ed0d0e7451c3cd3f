"""Register the presets for compute credits; those that are registered already stay as they are."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.models import Tenant
from ledger_project.kernel.errors import Refusal
from ledger_project.log.executor import run
from reserves.errors import ReserveAssetExists
from reserves.presets import COMPUTE

ACTOR = "system:register_compute_reserves"


class Command(BaseCommand):
    help = "Register Gemini and FAL compute credits as reserve assets with their haircuts."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--tenant", required=True, metavar="SLUG")
        parser.add_argument("--currency", metavar="CODE", help="what they back (default: the tenant's only currency)")

    def handle(self, *args: Any, **options: Any) -> None:
        tenant = Tenant.objects.filter(slug=options["tenant"]).first()
        if tenant is None:
            raise CommandError(f"there is no tenant {options['tenant']}; make it with create_tenant")
        backed = {"currency": options["currency"]} if options["currency"] else {}
        for preset in COMPUTE:
            key = f"register_compute_reserves:2:{preset['name']}:{options['currency'] or ''}"
            try:
                done = run(tenant.pk, "register_reserve_asset", key=key, actor=ACTOR, **preset, **backed)
            except ReserveAssetExists:
                self.stdout.write(f"{preset['name']} is registered already")
                continue
            except Refusal as refusal:
                raise CommandError(str(refusal)) from refusal
            asset = done.document["result"]["reserve_asset"]
            self.stdout.write(f"{asset['id']} {asset['name']}, haircut {asset['haircut_bps']} bps")
