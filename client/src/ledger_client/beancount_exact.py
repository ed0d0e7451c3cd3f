"""A plugin for beancount: amounts of more than 28 digits stay exact, read and added.

    plugin "ledger_client.beancount_exact"

Exports of books with amounts so large name it. beancount computes with Python's decimal numbers, which round at 28
digits: when it reads a minus sign, and when it adds. So this raises the limit, reads the files once more, and puts the
numbers back that were rounded; what other plugins did to the entries stays.
"""

import decimal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from beancount.core.data import Balance, Transaction
from beancount.parser import parser

__plugins__ = ("exact",)

DIGITS = 100  # a ledger's amounts have 38, and no computer holds so many of them that their sum has 100
Place = tuple[str, int]


def exact(entries: list[Any], options: dict[str, Any]) -> tuple[list[Any], list[Any]]:
    """The entries with the numbers that stand in their files. beancount checks and sums them after this."""
    decimal.getcontext().prec = DIGITS
    files = [name for name in options["include"] if Path(name).is_file()]
    numbers = {place: amount for name in files for place, amount in _amounts(parser.parse_file(name)[0])}
    return [_mended(entry, numbers) for entry in entries], []


def _amounts(entries: list[Any]) -> Iterator[tuple[Place, Any]]:
    for entry in entries:
        if isinstance(entry, Balance):
            yield _place(entry.meta), entry.amount
        for posting in entry.postings if isinstance(entry, Transaction) else ():
            yield _place(posting.meta), posting.units


def _mended(entry: Any, numbers: dict[Place, Any]) -> Any:
    if isinstance(entry, Balance):
        return entry._replace(amount=numbers.get(_place(entry.meta), entry.amount))
    if isinstance(entry, Transaction):
        postings = [each._replace(units=_read_again(each, numbers)) for each in entry.postings]
        return entry._replace(postings=postings)
    return entry


def _read_again(posting: Any, numbers: dict[Place, Any]) -> Any:
    """What stands in the file, if the posting has that but for its rounding: else a plugin changed it, or made it."""
    found = numbers.get(_place(posting.meta or {}))
    same = isinstance(getattr(found, "number", None), decimal.Decimal) and found.currency == posting.units.currency
    rounded = decimal.Context(prec=28).plus(found.number) if same else None
    return found if rounded == posting.units.number else posting.units


def _place(meta: dict[str, Any]) -> Place:
    return str(meta.get("filename")), int(meta.get("lineno") or 0)
