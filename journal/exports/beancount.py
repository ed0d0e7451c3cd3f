"""The books for beancount: its balance directives make `bean-check` compare its sums with what the ledger has."""

import json
from collections.abc import Iterator
from datetime import date, timedelta

from accounts.rows import Bucket
from journal.exports import reading
from journal.exports.names import beancount_account, beancount_currency
from journal.exports.reading import Account, Entry, Period
from journal.exports.snapshot import Snapshot
from ledger_project.kernel import clock, money

# Before the first day that an entry can have: some are dated before their account was opened.
OPENED = "1970-01-01"
LAST = date(9999, 12, 30)  # which has a next day, the day of the balances
EXACT = 10**28  # from here on Python's decimal numbers round, unless they are told not to
PLUGIN = "ledger_client.beancount_exact"


def lines(books: Snapshot, tenant: int, title: str, period: Period) -> Iterator[str]:
    yield f"option {_text('title')} {_text(title)}\n"
    # No rounding: what does not balance to the last digit is an error.
    yield 'option "tolerance_multiplier" "0"\n'
    if reading.most_moved(books, tenant) >= EXACT:
        yield f'plugin "{PLUGIN}"\n'
    for code, scale in reading.currencies(books, tenant):
        yield f"\n{OPENED} commodity {beancount_currency(code)}\n  code: {_text(code)}\n  scale: {scale}\n"
    yield "\n"
    for account in reading.accounts(books, tenant, period):
        yield from _open(account)
    yield from _opening(books, tenant, period)
    for entry in reading.entries(books, tenant, period):
        yield _transaction(entry)
    yield "\n"
    day = min(reading.last_day(books, tenant, period).date(), LAST) + timedelta(days=1)
    for account in reading.accounts(books, tenant, period):
        for bucket, amount in account.closing.items():
            yield f"{day} balance {_leaf(account, bucket)}  {_number(account, amount)} ~ 0 {_currency(account)}\n"


def _open(account: Account) -> Iterator[str]:
    for bucket in account.closing or [Bucket.AVAILABLE]:
        yield f"{OPENED} open {_leaf(account, bucket)} {_currency(account)}\n  account: {_text(account.holder.name)}\n"


def _opening(books: Snapshot, tenant: int, period: Period) -> Iterator[str]:
    """What every account had when the period began, as one transaction."""
    begun = False
    for account in reading.accounts(books, tenant, period) if period.since else ():
        for bucket, amount in account.opening.items():
            if amount and not begun:
                yield f'\n{period.since:%Y-%m-%d} * "opening" "Balances before the period"\n'
                begun = True
            if amount:
                yield f"  {_leaf(account, bucket)}  {_number(account, amount)} {_currency(account)}\n"


def _transaction(entry: Entry) -> str:
    day = min(entry.effective_at.date(), LAST)
    links = f"^{entry.public_id}" + (f" ^{entry.reverses_id}" if entry.reverses_id else "")
    told = f'\n{day} * "{entry.kind}" {_text(entry.description)} {links}\n'
    told += f"  effective_at: {_text(clock.stamp(entry.effective_at))}\n"
    for name, values in (("references", entry.references), ("metadata", entry.metadata)):
        if values:
            told += f"  {name}: {_text(json.dumps(values, ensure_ascii=False))}\n"
    for leg in entry.legs:
        account = beancount_account(leg.holder.type, leg.holder.name, leg.bucket)
        number = money.to_decimal(leg.amount, leg.holder.scale)
        told += f"  {account}  {number} {beancount_currency(leg.holder.currency)}\n"
    return told


def _leaf(account: Account, bucket: Bucket) -> str:
    return beancount_account(account.holder.type, account.holder.name, bucket)


def _number(account: Account, amount: int) -> str:
    return money.to_decimal(amount, account.holder.scale)


def _currency(account: Account) -> str:
    return beancount_currency(account.holder.currency)


def _text(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
