"""The books for hledger and ledger: a last transaction of nothing asserts what the ledger has in every account."""

from collections.abc import Iterator

from accounts.rows import Bucket
from journal.exports import reading
from journal.exports.names import hledger_account, hledger_currency, percent
from journal.exports.reading import Account, Entry, Period
from journal.exports.snapshot import Snapshot
from ledger_project.kernel import clock, money


def lines(books: Snapshot, tenant: int, title: str, period: Period) -> Iterator[str]:
    yield f"; {title}\n"
    for code, scale in reading.currencies(books, tenant):
        commodity = hledger_currency(code)
        yield f"\ncommodity {commodity}\n  format 1000.{'0' * scale} {commodity}\n"
    yield "\n"
    for account in reading.accounts(books, tenant, period):
        for bucket in account.closing or [Bucket.AVAILABLE]:
            yield f"account {_leaf(account, bucket)}\n"
    if period.since:
        head = f"\n{period.since:%Y-%m-%d} * opening | Balances before the period\n"
        yield from _balances(reading.accounts(books, tenant, period), head)
    for entry in reading.entries(books, tenant, period):
        yield _transaction(entry)
    head = f"\n{reading.last_day(books, tenant, period):%Y-%m-%d} * closing | Balances at the end\n"
    yield from _assertions(reading.accounts(books, tenant, period), head)


def _balances(accounts: Iterator[Account], head: str) -> Iterator[str]:
    """A transaction that brings every account to what it had."""
    for account in accounts:
        for bucket, amount in account.opening.items():
            if amount:
                yield f"{head}    {_leaf(account, bucket)}  {_amount(account, amount)}\n"
                head = ""


def _assertions(accounts: Iterator[Account], head: str) -> Iterator[str]:
    for account in accounts:
        for bucket, amount in account.closing.items():
            yield f"{head}    {_leaf(account, bucket)}  {_amount(account, 0)} = {_amount(account, amount)}\n"
            head = ""


def _transaction(entry: Entry) -> str:
    # A semicolon begins a comment, whose words hledger may take for tags; a bar divides payee and note.
    note = f" | {percent(entry.description, ';|')}" if entry.description else ""
    told = f"\n{entry.effective_at:%Y-%m-%d} * ({entry.public_id}) {entry.kind}{note}\n"
    told += f"    ; effective_at: {clock.stamp(entry.effective_at)}\n"
    if entry.reverses_id:
        told += f"    ; reverses: {entry.reverses_id}\n"
    for name, value in entry.references.items():
        # A tag ends at a comma, its name at a colon or a blank.
        told += f"    ; ref-{percent(name, ' ,:;[]')}: {percent(value, ',;[]')}\n"
    for leg in entry.legs:
        account = hledger_account(leg.holder.type, leg.holder.name, leg.bucket)
        number = money.to_decimal(leg.amount, leg.holder.scale)
        told += f"    {account}  {number} {hledger_currency(leg.holder.currency)}\n"
    return told


def _leaf(account: Account, bucket: Bucket) -> str:
    return hledger_account(account.holder.type, account.holder.name, bucket)


def _amount(account: Account, amount: int) -> str:
    return f"{money.to_decimal(amount, account.holder.scale)} {hledger_currency(account.holder.currency)}"
