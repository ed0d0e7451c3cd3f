"""Charge a usage trace to agents' accounts."""

import json
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from accounts.models import Tenant
from holds.traces import Row, open_trace
from holds.usage import Plan, Report, StrictStop, charge

EPILOG = """Examples: manage.py charge_usage trace.csv --currency CRD --agents 200 --price-in 3 --price-out 15
manage.py charge_usage eu.jsonl.gz --book llm --source eu --columns time=ts,input=in,output=out,model=model,user=user
Exit status: 0 when the trace was read to its end, 1 when --strict stopped it or the file is no trace."""


class Command(BaseCommand):
    help = "Charge each request of a usage trace (CSV or JSON Lines, with gzip or without) from its agent."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.epilog = EPILOG
        parser.add_argument("trace", type=Path)
        parser.add_argument("--tenant", default="demo", help="slug of the tenant (default: demo)")
        parser.add_argument("--currency", default="CRD")
        parser.add_argument("--provider", default="provider:llm", help="account that receives the charges")
        parser.add_argument("--agents", type=positive, default=200, help="rows are dealt to so many agents in turn")
        parser.add_argument("--fund", type=natural, default=1_000_000, help="credits of each agent at first use")
        parser.add_argument("--price-in", type=natural, default=3, help="minor units a context token")
        parser.add_argument("--price-out", type=natural, default=15, help="minor units a generated token")
        parser.add_argument(
            "--mode", choices=["hold", "transfer"], default="hold", help="hold the estimate, then capture"
        )
        parser.add_argument("--max-output", type=natural, default=1000, help="generated tokens held for (hold mode)")
        parser.add_argument("--book", default="", help="record usage, priced by this book, in the place of --price-…")
        parser.add_argument("--model", default="default", help="the model of rows that name none (with --book)")
        parser.add_argument("--source", default="", help="of the trace: the same row from two sources is two requests")
        parser.add_argument("--as-of-now", action="store_true", help="record usage of long ago as of now (with --book)")
        parser.add_argument(
            "--columns",
            type=pairs,
            default={},
            help="their names: time=…,input=…,output=…,model=…,user=…",
        )
        parser.add_argument("--strict", action="store_true", help="stop at a malformed row, before its batch is posted")
        parser.add_argument("--json", action="store_true", help="print the report as one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["trace"]
        try:
            tenant = Tenant.objects.get(slug=options["tenant"])
        except Tenant.DoesNotExist:
            raise CommandError(f"there is no tenant {options['tenant']!r}") from None
        plan = Plan(
            tenant=tenant.pk,
            **{
                name: options[name]
                for name in (
                    *("currency", "provider", "agents", "fund", "price_in", "price_out", "mode", "max_output"),
                    *("book", "model", "source", "as_of_now"),
                )
            },
        )
        try:
            rows = open_trace(path, options["columns"], source=options["source"])
            report = self._charge(plan, path, rows, strict=options["strict"], quiet=options["json"])
        except (OSError, ValueError) as error:
            raise CommandError(str(error)) from error
        except StrictStop as stop:
            raise CommandError(f"{path.name}: {stop}; stopped before its batch") from stop
        if options["json"]:
            self.stdout.write(json.dumps(report.document()))
        else:
            self._print(report, plan, path)

    def _charge(self, plan: Plan, path: Path, rows: Iterator[Row], *, strict: bool, quiet: bool) -> Report:
        console = Console(stderr=True, quiet=quiet)
        columns = (TextColumn("charging"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        report = Report()
        with path.open("rb") as lines:
            total = max(0, sum(1 for _ in lines) - 1)
        with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
            task = progress.add_task("charging", total=total)
            for report in charge(plan, rows, strict=strict):
                progress.update(task, completed=report.requests + len(report.bad_rows))
        return report

    def _print(self, report: Report, plan: Plan, path: Path) -> None:
        for row in report.bad_rows:
            self.stderr.write(f"{path.name}:{row.line}: {row.reason}; skipped")
        refused = ", ".join(f"{count} {code}" for code, count in sorted(report.refused.items())) or "none"
        rate = report.document()["requests_per_second"] or "-"
        self.stdout.write(
            f"requests         {report.requests}\n"
            f"charged          {report.charged} {plan.currency} for {report.charged_requests} requests\n"
            f"already charged  {report.already_charged}\n"
            f"refused          {refused}\n"
            f"free             {report.free}\n"
            f"skipped rows     {len(report.bad_rows)}\n"
            f"requests/s       {rate}"
        )


def natural(text: str) -> int:
    """A whole number from 0."""
    if not text.isascii() or not text.isdigit():
        raise ValueError(text)
    return int(text)


def positive(text: str) -> int:
    """A whole number from 1."""
    if natural(text) < 1:
        raise ValueError(text)
    return int(text)


def pairs(text: str) -> dict[str, str]:
    """`a=b,c=d`."""
    parts = [part.partition("=") for part in text.split(",")]
    if not all(name and equals and value for name, equals, value in parts):
        raise ValueError(text)
    return {name.strip(): value.strip() for name, _, value in parts}
