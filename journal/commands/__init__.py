"""The commands of this app, one module per family; importing it declares them."""

from journal.commands import (
    billing,
    clearing,
    credit,
    entries,
    external,
    fees,
    monitors,
    movement,
    promo,
    reconciliations,
    refund,
    repairs,
    spend,
    statements,
    supply,
)

__all__ = [
    "billing",
    "clearing",
    "credit",
    "entries",
    "external",
    "fees",
    "monitors",
    "movement",
    "promo",
    "reconciliations",
    "refund",
    "repairs",
    "spend",
    "statements",
    "supply",
]
