"""Accounts that something is the matter with, for tests of refusals."""

from ledger_project.testing.ledger import Ledger


def odd_accounts(books: Ledger) -> None:
    """`gone` is closed, `ice` frozen, `cash` an asset, `poor` empty, and `euro` in another currency."""
    books.open("cash", type="asset")
    books.open("gone", "ice", "poor")
    books.run("close_account", account="gone")
    books.run("freeze_account", account="ice")
    books.run("register_currency", code="EUR", scale=2)
    books.open("euro", currency="EUR")
