"""Registering currencies."""

from typing import Annotated

from accounts.books import AccountBooks
from accounts.errors import CurrencyExists
from accounts.fields import NewCurrencyCode
from accounts.rows import CurrencyRow
from ledger_project.kernel.fields import Text, WholeNumberField
from ledger_project.kernel.money import MAX_SCALE
from ledger_project.log.command import command

Scale = Annotated[int, WholeNumberField(0, MAX_SCALE)]


@command(event="currency.registered", refuses=(CurrencyExists,))
def register_currency(
    books: AccountBooks, *, code: NewCurrencyCode, scale: Scale = 0, name: Text | None = None
) -> None:
    """Register a currency with the number of decimals of its minor unit; neither ever changes."""
    if books.find(CurrencyRow, code) is not None:
        raise CurrencyExists(currency=code)
    currency = books.add(CurrencyRow(code=code, scale=scale, name=name or "", created_at=books.now))
    books.result["currency"] = currency.document()
