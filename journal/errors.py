"""Refusals about entries and postings."""

from ledger_project.kernel.errors import NotFound, Refusal


class EntryNotFound(NotFound):
    """There is no such entry."""


class UnbalancedEntry(Refusal):
    """The postings of an entry sum to zero in every currency; positive is debit, negative is credit."""

    constraint = "unbalanced_entry"


class TooFewPostings(Refusal):
    """An entry has at least two postings."""

    constraint = "too_few_postings"


class AlreadyReversed(Refusal):
    """This entry was reversed before."""

    status = 409
    constraint = "already_reversed"


class NotReversible(Refusal):
    """This entry moved money that a hold, an escrow, a stake or a credit line accounts for; undo it by its own verb."""

    status = 409
