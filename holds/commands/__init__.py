"""The commands of this app, one module per noun; importing it declares them."""

from holds.commands import deposits, escrow, holds, payments, stakes, withdrawals

__all__ = ["deposits", "escrow", "holds", "payments", "stakes", "withdrawals"]
