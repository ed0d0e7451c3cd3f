"""How the back office shows entries: links to rows, and postings as debits and credits."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from accounts.answers import answer
from accounts.models import Account
from ledger_project.kernel import ids
from ledger_project.log.executor import Done, look
from ledger_project.web.backoffice import html
from ledger_project.web.backoffice.html import Column, Section, Table

EVENT, ENTRY, ACCOUNT = "log.event", "journal.entry", "accounts.account"
POSTINGS = [
    Column("account"),
    Column("bucket"),
    Column("debit", figures=True),
    Column("credit", figures=True),
    Column("balance after", figures=True),
    Column("currency"),
]


def entry_link(entry: UUID | None) -> Any:
    if entry is None:
        return html.NONE
    return html.public_id("ent", entry, href=html.record_url(ENTRY, "ent", entry), short=True)


def event_link(event: UUID) -> Any:
    return html.public_id("evt", event, href=html.record_url(EVENT, "evt", event), short=True)


def account_link(account: UUID, name: str) -> Any:
    return html.link(html.record_url(ACCOUNT, "acc", account), name)


def sides(amount: int, scale: int) -> tuple[Any, Any]:
    """A posting's amount in the debit or the credit column."""
    shown = html.amount(abs(amount), scale)
    return (shown, "") if amount > 0 else ("", shown)


def posting_table(title: str, lines: Sequence[Any]) -> Table:
    """Postings with the sums of both sides in each currency, which are equal."""
    rows = []
    sums: dict[str, tuple[list[int], int]] = {}
    for line in lines:
        debit, credit = sides(line.amount, line.scale)
        after = html.amount(line.balance_after, line.scale)
        rows.append([account_link(line.account_id, line.name), line.bucket, debit, credit, after, line.currency])
        both, scale = sums.get(line.currency, ([0, 0], line.scale))
        both[line.amount < 0] += abs(line.amount)
        sums[line.currency] = both, scale
    foot = [
        ["", "", *(html.amount(side, scale) for side in both), "", currency]
        for currency, (both, scale) in sorted(sums.items())
    ]
    return Table(title, POSTINGS, rows, foot)


class Leg:
    """A posting of a rehearsed entry, in the shape of a posting line."""

    def __init__(self, posting: dict[str, Any], scales: dict[str, int]) -> None:
        self.account_id = UUID(hex=posting["account"][4:])
        self.name, self.bucket, self.currency = posting["name"], posting["bucket"], posting["currency"]
        self.amount = int(posting["amount"])
        self.scale = scales.get(posting["account"], 0)
        self.balance_after = None if posting["balance_after"] is None else int(posting["balance_after"])


def entry_preview(done: Done) -> list[Section]:
    """The entry that a rehearsed command would write."""
    told = answer(done, look)
    postings = told["entry"]["postings"]
    accounts = Account.objects.in_bulk([UUID(hex=posting["account"][4:]) for posting in postings])
    scales = {ids.show("acc", key): account.scale for key, account in accounts.items()}
    known = {account.currency: account.scale for account in accounts.values()}
    for posting in postings:
        # An account that the command would open has the scale of its currency.
        scales.setdefault(posting["account"], known.get(posting["currency"], 0))
    return [posting_table("Postings", [Leg(posting, scales) for posting in postings])]
