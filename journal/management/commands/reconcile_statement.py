"""Take in a statement of a bank, a provider or a chain, and match it with the books."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any
from uuid import uuid4

from django.core.management.base import BaseCommand, CommandError

from accounts.models import Tenant
from journal.external import queries
from journal.external.errors import ExternalStatementExists
from journal.external.formats import READERS
from journal.external.models import ExternalStatement
from ledger_project.kernel import money
from ledger_project.kernel.errors import Refusal
from ledger_project.log.executor import Done, run

ACTOR = "manage:reconcile_statement"
ENDINGS = {".csv": "csv", ".txt": "csv", ".json": "json", ".xml": "camt053", ".ofx": "ofx", ".qfx": "ofx"}
FLAGS = {"minor_units", "inverted"}
SHOWN = 20
EPILOG = """Example: manage.py reconcile_statement october.csv --account platform:custody:USD
  --map date=Datum --map amount=Betrag --map reference=Verwendung --map date_order=DMY --map decimal=,
Run again, the same file is the same upload, and what is still open is looked for again."""


class Command(BaseCommand):
    help = (
        "Upload a statement (CSV, JSON, camt.053, OFX) and match it with the account's entries."
        " Exit status: 0 every line has its entry or an explanation, 1 lines are open (they are listed)."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.epilog = EPILOG
        parser.add_argument("file", metavar="FILE", type=Path)
        parser.add_argument("--account", required=True, help="the account that it is about: its id or name")
        parser.add_argument("--tenant", default="demo", help="slug of the tenant (default: demo)")
        parser.add_argument("--format", choices=sorted(READERS), help="default: by the file's ending")
        parser.add_argument("--encoding", default="utf-8", help="of the file (default: utf-8)")
        parser.add_argument(
            "--map",
            dest="mapping",
            action="append",
            default=[],
            metavar="FIELD=COLUMN",
            help="as often as there are some",
        )
        parser.add_argument("--tolerance", type=int, default=0, help="in minor units (default: 0)")
        parser.add_argument("--days", type=int, default=3, help="between a line and its entry (default: 3)")

    def handle(self, *args: Any, **options: Any) -> None:
        tenant = Tenant.objects.filter(slug=options["tenant"]).first()
        if tenant is None:
            raise CommandError(f"there is no tenant {options['tenant']!r}")
        try:
            uploaded = self._upload(tenant.pk, options)
            made = self._match(tenant.pk, uploaded, options).document["result"]["matching"]
        except Refusal as refusal:
            raise CommandError(str(refusal)) from refusal
        found = "the search stopped at its bound" if made["cut"] else "the search saw everything"
        self.stdout.write(f"{made['lines']} lines matched with {made['entries']} entries; {found}")
        self._tell(queries.statement(tenant.pk, uploaded))

    def _upload(self, tenant: int, options: dict[str, Any]) -> str:
        """The statement's id; of a file that was uploaded before, that one's."""
        content = _text(options["file"], options["encoding"])
        given = {"account": options["account"], "content": content, "name": options["file"].name}
        if mapping := _mapping(options["mapping"]):
            given["mapping"] = mapping
        try:
            done = run(
                tenant,
                "upload_external_statement",
                key=f"reconcile_statement:{uuid4().hex}",
                actor=ACTOR,
                format=options["format"] or _format(options["file"]),
                **given,
            )
        except ExternalStatementExists as refusal:
            return str(refusal.facts["external_statement"])
        return str(done.document["result"]["external_statement"]["id"])

    def _match(self, tenant: int, uploaded: str, options: dict[str, Any]) -> Done:
        return run(
            tenant,
            "match_external_statement",
            key=f"reconcile_statement:{uuid4().hex}",  # a search is repeated on purpose: more may have been posted
            actor=ACTOR,
            external_statement=uploaded,
            tolerance=options["tolerance"],
            days=options["days"],
        )

    def _tell(self, row: ExternalStatement) -> None:
        """What is open on both sides. Exits with 1 where a line is."""
        scale, currency = row.account.scale, row.account.currency
        open_lines = list(queries.lines(row, queries.OPEN).order_by("number")[:SHOWN])
        entries, more = queries.OpenEntries(row).page(None, SHOWN)
        for line in open_lines:
            amount = money.to_decimal(int(line.amount), scale)
            self.stdout.write(
                f"open line {line.number}: {line.date} {amount} {currency} {line.reference} {line.description}"
            )
        for entry in entries:
            amount = money.to_decimal(int(entry["amount"]), scale)
            self.stdout.write(f"open entry {entry['entry']}: {entry['date']} {amount} {currency} {entry['kind']}")
        if more:
            self.stdout.write("… and more entries")
        count = int(queries.progress(row)[queries.OPEN]["lines"])
        self.stdout.write(f"{row}: {count} of {row.lines} lines open")
        if count:
            raise SystemExit(1)


def _text(path: Path, encoding: str) -> str:
    try:
        return path.read_bytes().decode(encoding)
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}") from error
    except LookupError as error:
        raise CommandError(f"there is no encoding {encoding!r}") from error
    except UnicodeDecodeError as error:
        raise CommandError(f"{path}: byte {error.start} is not {encoding}; name another --encoding") from error


def _format(path: Path) -> str:
    try:
        return ENDINGS[path.suffix.lower()]
    except KeyError as error:
        raise CommandError(f"{path}: name the --format, its ending does not say it") from error


def _mapping(pairs: list[str]) -> dict[str, Any]:
    mapping: dict[str, Any] = {}
    for pair in pairs:
        name, equals, column = pair.partition("=")
        if not equals:
            raise CommandError(f"{pair!r} is not FIELD=COLUMN")
        mapping[name] = column == "true" if name in FLAGS else column.replace("\\t", "\t")
    return mapping
