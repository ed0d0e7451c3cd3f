"""The `ledger.json` of the mesh ledger: accounts with their balances, and the transfers that led to them.

What an account had before its first transfer is its balance less what the transfers moved; it is issued at the time
at which the account was made there. So a file that has grown can be imported again: the beginning stays what it was.
"""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from journal.commands.shared import ISSUANCE
from journal.imports import located
from journal.imports.located import Located, Unreadable
from journal.imports.records import Item, Party, Problem, Record
from ledger_project.kernel.errors import Refusal
from ledger_project.kernel.fields import AmountField, MomentField

BALANCE, AMOUNT, MOMENT = AmountField(minimum=0), AmountField(), MomentField()
ACCOUNT = {"balance", "created_at", "meta"}
TRANSFER = {"id", "timestamp", "from_account", "to_account", "amount", "job_id", "note"}


def read_mesh(path: Path, currency: str, scale: int | None) -> Iterator[Item]:
    """Accounts with what they began with, then transfers by their time."""
    try:
        document = located.loads(path.read_text("utf-8-sig"))
    except Unreadable as error:
        yield Problem(error.line, str(error))
        return
    except UnicodeDecodeError as error:
        yield Problem(1, str(error))
        return
    accounts = document.get("accounts") if isinstance(document, dict) else None
    transfers = document.get("transfers") if isinstance(document, dict) else None
    if not isinstance(accounts, dict) or not isinstance(transfers, list):
        yield Problem(1, "not a mesh ledger: an object of accounts and a list of transfers")
        return
    problems = [*_wrong_transfers(transfers, accounts), *_wrong_accounts(accounts)]
    if problems:
        yield from sorted(problems, key=lambda problem: problem.line)
        return
    yield from _beginnings(accounts, transfers, currency, scale)
    for transfer in sorted(transfers, key=lambda each: MOMENT.parse(each["timestamp"], "timestamp")):
        yield _transfer(transfer)


def _wrong_transfers(transfers: list[Any], accounts: dict[str, Any]) -> Iterator[Problem]:
    for transfer in transfers:
        if not isinstance(transfer, Located):
            yield Problem(1, "a transfer is not an object")
        elif transfer.keys() - TRANSFER or not (isinstance(transfer.get("id"), str) and transfer["id"]):
            yield Problem(transfer.line, f"a transfer has an id and, of {', '.join(sorted(TRANSFER))}, what it needs")
        elif not all(_is_account(transfer.get(side), accounts) for side in ("from_account", "to_account")):
            yield Problem(transfer.line, "from_account or to_account is not an account of this file")
        else:
            yield from _refused(transfer, amount=AMOUNT, timestamp=MOMENT)


def _is_account(name: Any, accounts: dict[str, Any]) -> bool:
    return isinstance(name, str) and name in accounts


def _wrong_accounts(accounts: dict[str, Any]) -> Iterator[Problem]:
    line = accounts.line if isinstance(accounts, Located) else 1
    for name, account in accounts.items():
        if not isinstance(account, Located):
            yield Problem(line, f"account {name!r} is not an object")
        elif account.keys() - ACCOUNT or not isinstance(account.get("meta") or {}, dict):
            yield Problem(account.line, f"an account has {', '.join(sorted(ACCOUNT))}")
        else:
            yield from _refused(account, balance=BALANCE, created_at=MOMENT)


def _refused(row: Located, **fields: Any) -> Iterator[Problem]:
    for name, field in fields.items():
        try:
            field.parse(row.get(name), name)
        except Refusal as refusal:
            yield Problem(row.line, str(refusal))


def _beginnings(accounts: dict[str, Any], transfers: list[Any], currency: str, scale: int | None) -> Iterator[Item]:
    moved: dict[str, int] = defaultdict(int)
    for transfer in transfers:
        amount = AMOUNT.parse(transfer["amount"], "amount")
        moved[transfer["from_account"]] -= amount
        moved[transfer["to_account"]] += amount
    issuance = Party(ISSUANCE.replace("{currency}", currency), "equity", currency, scale, unbounded=True)
    for name, account in accounts.items():
        metadata = {"created_at": account["created_at"], **(account.get("meta") or {})}
        party = Party(name, None, currency, scale, metadata=metadata)
        initial = BALANCE.parse(account["balance"], "balance") - moved[name]
        if initial < 0:
            yield Problem(
                account.line, f"{name} has {account['balance']}, and its transfers alone gave it {moved[name]}"
            )
        elif initial == 0:
            yield Record(account.line, f"account:{name}", None, {}, (party,))
        else:
            legs = [{"account": issuance.name, "amount": initial}, {"account": name, "amount": -initial}]
            about = {"kind": "mint", "description": "Opening balance", "effective_at": account["created_at"]}
            yield Record(account.line, f"opening:{name}", "post_entry", {"postings": legs, **about}, (issuance, party))


def _transfer(transfer: Located) -> Record:
    told = {"reference": transfer["id"], "job_id": transfer.get("job_id"), "description": transfer.get("note")}
    arguments = {
        "from_account": transfer["from_account"],
        "to_account": transfer["to_account"],
        "amount": transfer["amount"],
        "effective_at": transfer["timestamp"],
        **{name: value for name, value in told.items() if value not in (None, "")},
    }
    return Record(transfer.line, f"transfer:{transfer['id']}", "transfer", arguments)
