"""Import entries of another ledger."""

from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.models import Currency, Tenant
from journal.imports.loading import ImportRefused, Plan, Report, load
from journal.imports.mesh import read_mesh
from journal.imports.readers import read_csv, read_json_lines
from journal.imports.records import Item
from ledger_project.kernel.errors import Refusal

EPILOG = """Example: manage.py import_journal ledger.json --format mesh --tenant demo --currency CRD --open-accounts
Exit status: 0 when all of the file is in the ledger, by this run or an earlier one; 1 when a line was refused (each is
named), with nothing of the file imported, or with --by-batch nothing of its batch and of what follows."""


class Command(BaseCommand):
    help = "Import a file of entries: JSON Lines and CSV as export_books writes them, or a mesh ledger's ledger.json."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.epilog = EPILOG
        parser.add_argument("file", type=Path)
        parser.add_argument("--format", choices=["jsonl", "csv", "mesh"], required=True)
        parser.add_argument("--tenant", default="demo", help="slug of the tenant (default: demo)")
        parser.add_argument("--source", help="whose ids the file has, to tell them from others' (default: the format)")
        parser.add_argument(
            "--open-accounts", action="store_true", help="open accounts and currencies that are missing"
        )
        parser.add_argument("--currency", help="of a mesh ledger's accounts (default: the tenant's only one)")
        parser.add_argument("--scale", type=int, help="decimals of that currency, if it is opened (default: 0)")
        parser.add_argument("--by-batch", action="store_true", help="keep what was imported before a batch was refused")
        parser.add_argument("--dry-run", action="store_true", help="say what would happen, and keep nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        tenant = Tenant.objects.filter(slug=options["tenant"]).first()
        if tenant is None:
            raise CommandError(f"there is no tenant {options['tenant']!r}")
        path: Path = options["file"]
        source = options["source"] or options["format"]
        plan = Plan(tenant.pk, source, options["open_accounts"], options["by_batch"], options["dry_run"])
        try:
            report = load(plan, reader(path, tenant.pk, options))
        except ImportRefused as refused:
            for problem in refused.problems:
                self.stderr.write(f"{path.name}:{problem.line}: {problem.reason}")
            kept = "nothing of its batch was imported" if plan.by_batch else "nothing was imported"
            raise CommandError(f"wrong lines: {len(refused.problems)}; {kept}") from refused
        except (Refusal, OSError) as error:
            raise CommandError(str(error)) from error
        self._print(report, dry_run=plan.dry_run)

    def _print(self, report: Report, *, dry_run: bool) -> None:
        self.stdout.write(
            f"imported          {report.imported}\n"
            f"already imported  {report.already}\n"
            f"accounts opened   {report.accounts}\n"
            f"currencies        {report.currencies}" + ("\ndry run: nothing was kept" if dry_run else "")
        )


def reader(path: Path, tenant: int, options: dict[str, Any]) -> Callable[[], Iterator[Item]]:
    """What reads the file, from its beginning each time."""
    if options["format"] == "mesh":
        currency = options["currency"] or sole_currency(tenant)
        return lambda: read_mesh(path, currency, options["scale"])
    if options["currency"] or options["scale"] is not None:
        raise CommandError("--currency and --scale are of mesh ledgers; other files name them in their postings")
    read = {"jsonl": read_json_lines, "csv": read_csv}[options["format"]]
    return lambda: read(path)


def sole_currency(tenant: int) -> str:
    codes = list(Currency.objects.filter(tenant=tenant).values_list("code", flat=True)[:2])
    if len(codes) != 1:
        raise CommandError("give --currency: the tenant has not just one")
    return codes[0]
