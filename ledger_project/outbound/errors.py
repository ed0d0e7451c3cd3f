"""Refusals of what sends requests."""

from ledger_project.kernel.errors import Refusal


class UnsafeUrl(Refusal):
    """A URL that the ledger sends requests to is https, on a usual port, and leads to the public internet."""
