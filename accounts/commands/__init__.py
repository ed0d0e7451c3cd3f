"""The commands of this app, one module per noun; importing it declares them."""

from accounts.commands import accounts, currencies, keys

__all__ = ["accounts", "currencies", "keys"]
