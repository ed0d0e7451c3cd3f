"""Clearing: what domains owe each other, netted and settled in batches."""
