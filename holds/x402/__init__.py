"""Payments by x402: what a payer authorised, and the facilitator that claims and settles it."""
