"""Make a tenant: a ledger of its own."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.core.validators import validate_slug
from django.db import IntegrityError

from accounts.models import Tenant


class Command(BaseCommand):
    help = "Make a tenant: a ledger of its own."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", help="letters, digits, - and _; unique")
        parser.add_argument("--name", help="what people call it (default: the slug)")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, slug: str, name: str | None, json: bool, **options: Any) -> None:
        try:
            validate_slug(slug)
            tenant = Tenant.objects.create(slug=slug[:50], name=name or slug)
        except ValidationError as error:
            raise CommandError(f"{slug!r} is not a slug: letters, digits, - and _") from error
        except IntegrityError as error:
            raise CommandError(f"there is a tenant {slug} already") from error
        self.stdout.write(_as_json(tenant) if json else f"tenant {tenant.slug} (ten_{tenant.pk})")


def _as_json(tenant: Tenant) -> str:
    return json.dumps({"tenant": f"ten_{tenant.pk}", "slug": tenant.slug, "name": tenant.name})
