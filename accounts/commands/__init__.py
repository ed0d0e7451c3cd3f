"""The commands of this app, one module per noun; importing it declares them."""

from accounts.commands import accounts, credit, currencies, keys, sessions

__all__ = ["accounts", "credit", "currencies", "keys", "sessions"]
