"""Refusals about the log."""

from ledger_project.kernel.errors import NotFound


class EventNotFound(NotFound):
    """There is no such event."""
