"""Refusals about the log."""

from ledger_project.kernel.errors import NotFound, Refusal


class EventNotFound(NotFound):
    """There is no such event."""


class EventNotSealed(Refusal):
    """The event is recorded; it gets its place in the sealed log in a moment."""

    status = 409


class LogEmpty(NotFound):
    """The log has no checkpoint yet; the sealer signs its first one within seconds of its start."""
