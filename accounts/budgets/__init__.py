"""Budgets: limits on what accounts may pay in a window of time, in a tree, asked by every payment on its way."""
