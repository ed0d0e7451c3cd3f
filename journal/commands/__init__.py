"""The commands of this app, one module per family; importing it declares them."""

from journal.commands import entries, movement, supply

__all__ = ["entries", "movement", "supply"]
