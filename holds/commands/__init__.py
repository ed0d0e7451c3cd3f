"""The commands of this app, one module per noun; importing it declares them."""

from holds.commands import agents, deposits, escrow, holds, stakes, withdrawals
from holds.topups import commands as topups
from holds.x402 import commands as payments

__all__ = ["agents", "deposits", "escrow", "holds", "payments", "stakes", "topups", "withdrawals"]
