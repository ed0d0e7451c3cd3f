"""The commands of this app, one module per noun; importing it declares them."""

from accounts.budgets import commands as budgets
from accounts.commands import accounts, credit, currencies, keys, sessions

__all__ = ["accounts", "budgets", "credit", "currencies", "keys", "sessions"]
