"""A bank's account, and words to tell what its statements say."""

from datetime import UTC, datetime
from typing import Any

from journal.external.models import ExternalMatch
from ledger_project.kernel import ids
from ledger_project.log.caller import Caller
from ledger_project.log.command import COMMANDS
from ledger_project.log.executor import Call, execute_one
from ledger_project.testing.ledger import Ledger

HEADER = "date,amount,reference,description"


class Bank:
    """`bank` is where the money lies, alice's is what is owed; fees and suspense take the other sides."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        ledger.open("alice")
        ledger.open("bank", type="asset", unbounded=True)
        ledger.open("fees", type="expense", unbounded=True)

    def book(self, amount: int, day: int = 1, **references: str) -> str:
        """An entry by which the bank's account grew; its id."""
        postings = [{"account": "bank", "amount": amount}, {"account": "alice", "amount": -amount}]
        at = datetime(2026, 10, day, 12, tzinfo=UTC).isoformat()
        done = self.ledger.run("post_entry", postings=postings, effective_at=at, references=references)
        return done.document["id"].replace("evt_", "ent_")

    def say(self, *lines: str, **options: Any) -> str:
        """Upload these lines of CSV; the statement's id. The first of October is `1,`."""
        rows = [f"2026-10-{int(day):02},{rest}" for day, _, rest in (line.partition(",") for line in lines)]
        content = "\n".join([HEADER, *rows])
        given = {"account": "bank", "name": "october.csv", "format": "csv", "content": content, **options}
        done = self.ledger.run("upload_external_statement", **given)
        return str(done.document["result"]["external_statement"]["id"])

    def match(self, statement: str, **options: Any) -> dict[str, Any]:
        done = self.ledger.run("match_external_statement", external_statement=statement, **options)
        told: dict[str, Any] = done.document["result"]["matching"]
        return told

    def matches(self, statement: str) -> list[tuple[str, list[int], list[str]]]:
        """How, which lines, which entries, of what counts."""
        rows = ExternalMatch.objects.filter(statement=ids.read("xst", statement), undone_at=None).order_by("id")
        return [
            (
                row.how,
                sorted(row.matched_lines.filter(active=True).values_list("number", flat=True)),
                sorted(f"ent_{key.hex}" for key in row.matched_entries.values_list("entry_id", flat=True)),
            )
            for row in rows
        ]

    def propose(self, statement: str, **item: Any) -> str:
        done = self.ledger.run(
            "propose_adjustment", external_statement=statement, counter_account="fees", reason="bank fee", **item
        )
        return str(done.document["result"]["adjustment"]["id"])

    def approve(self, adjustment: str, *, by: str = "boss") -> Any:
        key = f"approve-{adjustment}-{by}"
        approve = COMMANDS["approve_adjustment"]
        return execute_one(Call.of(self.ledger.tenant, Caller.system(by), key, approve, {"adjustment": adjustment}))
