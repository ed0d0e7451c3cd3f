"""Check that the stored log is the one that was sealed."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console

from ledger_project.log.verification import verify


class Command(BaseCommand):
    help = (
        "Compute every hash of the log anew and compare it with what was signed, here and elsewhere. Exit status: 0 "
        "nothing is wrong, 10 signature, 11 rewritten or cut back, 12 an event or leaf is not the sealed one, 2 an "
        "anchor cannot be read."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.epilog = "Example: manage.py verify_log --checkpoint saved.note"
        parser.add_argument(
            "--checkpoint",
            metavar="NOTE",
            type=Path,
            action="append",
            default=[],
            help="a checkpoint saved earlier, which the log must extend; may be repeated",
        )
        parser.add_argument("--json", action="store_true", help="print the result as one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            saved = [path.read_text(encoding="utf-8") for path in options["checkpoint"]]
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(str(error)) from error
        with Console(stderr=True, quiet=options["json"]).status("verifying"):
            report = verify(saved)
        if options["json"]:
            self.stdout.write(json.dumps({**asdict(report), "exit_code": report.exit_code}))
        else:
            for problem in report.problems:
                place = "" if problem.log_index is None else f" at log index {problem.log_index}"
                self.stdout.write(f"{problem.kind}{place}: {problem.message} {problem.event or ''}".rstrip())
            counts = f"{report.size} leaves, {report.checkpoints} checkpoints, {report.saved} from elsewhere"
            self.stdout.write(f"{counts}: {report.count} problems")
        if report.exit_code:
            raise SystemExit(report.exit_code)
