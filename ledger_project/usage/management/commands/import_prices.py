"""Publish LiteLLM's price table as the next version of a price book."""

import hashlib
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.models import Currency
from ledger_project.kernel.errors import Refusal
from ledger_project.log.executor import run
from ledger_project.usage.litellm import read_table

MOST = 1000  # rates of one version


class Command(BaseCommand):
    help = (
        "Publish LiteLLM's price table (US dollars a token) as the next version of a price book; once for each table."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("table", type=Path, help="model_prices_and_context_window.json")
        parser.add_argument("--tenant", default="demo", help="slug of the tenant (default: demo)")
        parser.add_argument("--book", default="litellm")
        parser.add_argument("--currency", default="USD")
        parser.add_argument("--models", nargs="*", default=["*"], metavar="PATTERN", help="as in gpt-4* claude-*")
        parser.add_argument("--markup-bps", type=int, default=0)
        parser.add_argument("--effective-at", help="an RFC 3339 time (default: now)")
        parser.add_argument("--dry-run", action="store_true", help="say what would be published")

    def handle(self, *args: Any, **options: Any) -> None:
        unit = Currency.objects.filter(tenant__slug=options["tenant"], code=options["currency"]).first()
        if unit is None:
            raise CommandError(f"there is no tenant {options['tenant']!r} with the currency {options['currency']!r}")
        try:
            text = options["table"].read_text("utf-8")
            table = read_table(text, scale=unit.scale, models=options["models"])
        except (OSError, ValueError) as error:
            raise CommandError(str(error)) from error
        for line in table.skipped:
            self.stderr.write(f"left out: {line}")
        if not 1 <= len(table.rates) <= MOST:
            raise CommandError(f"{len(table.rates)} rates, and a version has 1 to {MOST}: choose with --models")
        given = {name: options[name] for name in ("book", "currency", "markup_bps", "effective_at") if options[name]}
        named = hashlib.sha256(repr((text, sorted(given.items()), options["models"])).encode()).hexdigest()
        try:
            done = run(
                unit.tenant_id,
                "publish_prices",
                key=f"import_prices:{named}",
                rates=table.rates,
                dry_run=options["dry_run"],
                **given,
            )
        except Refusal as refusal:
            raise CommandError(str(refusal)) from refusal
        version = done.document["result"]["price_version"]
        told = "would be" if options["dry_run"] else "was" if done.replayed else "is"
        self.stdout.write(f"{version['book']} {version['number']} {told} published: {len(table.rates)} rates")
