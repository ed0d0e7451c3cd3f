"""Requests to addresses that somebody else chose: webhooks, feeds of reserves."""
