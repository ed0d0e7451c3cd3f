"""The tables of an audit archive, made of the events of the sealed log and of nothing else.

Each follows from `log.jsonl` beside it, and the offline verifier makes it again and compares. A period is one of
effective time, from its beginning on and before its end; all of it is as it was known at the archive's checkpoint.
"""

import csv
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from accounts.rows import DEBIT_NORMAL
from ledger_project.kernel import money
from ledger_project.web.spreadsheets import inert

Row = list[str]
ACCOUNTS = ("account", "name", "type", "currency", "scale", "unbounded", "opened_at", "metadata")
# What an account is called whose opening the database has lost; the verifier says so.
LOST = {"name": "?", "type": "liability", "currency": "?", "scale": 0}
BALANCES = ("currency", "scale", "account", "name", "type", "debit", "credit", "value")
POSTINGS = (
    *("log_index", "entry", "kind", "effective_at", "recorded_at", "description", "references", "metadata"),
    *("account", "name", "type", "currency", "scale", "bucket", "amount", "value"),
)


class Books:
    """What the events of a log say: first `open` all of them, then ask for the tables."""

    def __init__(self, since: str, until: str) -> None:
        """Both are stamps, which sort like the moments that they are."""
        self.since, self.until = since, until
        self.accounts: dict[str, dict[str, Any]] = {}
        self._opening: dict[str, int] = defaultdict(int)
        self._closing: dict[str, int] = defaultdict(int)

    def take(self, event: dict[str, Any]) -> None:
        """Note the accounts that an event opens, and what its entry moves."""
        opened = event["result"].get("opened", [])
        if event["type"] == "account.opened" and not opened:
            opened = [event["result"]["account"]]
        self.accounts |= {facts["id"]: facts for facts in opened}
        if event["entry"] is None:
            return
        for posting in event["entry"]["postings"]:
            for sums, bound in ((self._opening, self.since), (self._closing, self.until)):
                if event["entry"]["effective_at"] < bound:
                    sums[posting["account"]] += int(posting["amount"])

    def facts(self, account: str) -> dict[str, Any]:
        return self.accounts.get(account, LOST)

    def chart(self) -> Iterator[Row]:
        """Every account, by name."""
        for facts in sorted(self.accounts.values(), key=lambda facts: facts["name"]):
            about = [facts[name] for name in ("id", *ACCOUNTS[1:6], "created_at", "metadata")]
            yield [cell(value) for value in about]

    def opening(self) -> Iterator[Row]:
        """The trial balance before the period."""
        return self._balances(self._opening)

    def closing(self) -> Iterator[Row]:
        """The trial balance at the period's end."""
        return self._balances(self._closing)

    def _balances(self, sums: dict[str, int]) -> Iterator[Row]:
        """What moved, by currency and name; behind each currency its totals, which have no account."""
        by_currency: dict[tuple[str, int], list[str]] = defaultdict(list)
        for account in sums:
            facts = self.facts(account)
            by_currency[facts["currency"], facts["scale"]].append(account)
        for (currency, scale), accounts in sorted(by_currency.items()):
            debits = credits = 0
            for account in sorted(accounts, key=lambda account: self.facts(account)["name"]):
                facts, debit = self.facts(account), sums[account]
                debits, credits = debits + max(debit, 0), credits + max(-debit, 0)
                shown = debit if facts["type"] in DEBIT_NORMAL else -debit
                sides = (max(debit, 0), max(-debit, 0), money.to_decimal(shown, scale))
                yield [cell(v) for v in (currency, scale, account, facts["name"], facts["type"], *sides)]
            yield [cell(v) for v in (currency, scale, "", "", "total", debits, credits, "")]

    def postings(self, leaf: dict[str, Any]) -> Iterator[Row]:
        """The postings of one line of the log, if its entry is in the period."""
        event = leaf["event"]
        entry = event and event["entry"]
        if not entry or not self.since <= entry["effective_at"] < self.until:
            return
        about = [leaf["log_index"], "ent_" + event["id"].removeprefix("evt_"), entry["kind"], entry["effective_at"]]
        about += [event["recorded_at"], entry["description"], entry["references"], entry["metadata"]]
        for posting in entry["postings"]:
            facts = self.facts(posting["account"])
            named = [posting["account"], facts["name"], facts["type"], posting["currency"], facts["scale"]]
            value = money.to_decimal(int(posting["amount"]), facts["scale"])
            yield [cell(v) for v in (*about, *named, posting["bucket"], posting["amount"], value)]


def cell(value: Any) -> str:
    """A value as the tables have it; one that a spreadsheet would run is made inert."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False, sort_keys=True) if value else ""
    return inert(str(value))


def write(path: Path, header: Iterable[str], rows: Iterable[Row]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
