"""The commands of this app, one module per family or in the folder of their feature; importing it declares them."""

from journal.clearing import commands as clearing
from journal.commands import billing, credit, entries, fees, grants, movement, promo, refund, spend, supply
from journal.external import commands as external
from journal.monitors import commands as monitors
from journal.reconciliation import commands as reconciliations
from journal.reconciliation import repairs
from journal.statements import commands as statements

__all__ = [
    "billing",
    "clearing",
    "credit",
    "entries",
    "external",
    "fees",
    "grants",
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
