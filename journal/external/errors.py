"""Refusals about statements of others."""

from ledger_project.kernel.errors import NotFound, Refusal


class MalformedStatement(Refusal):
    """The statement cannot be read as its format says; `line` and `field` name the place, `reason` what is wrong."""


class ExternalStatementExists(Refusal):
    """This very file was uploaded for this account before; `external_statement` is the upload."""

    status = 409
    constraint = "external_statement_exists"


class ExternalStatementNotFound(NotFound):
    """There is no such statement."""


class ExternalItemNotFound(NotFound):
    """There is no such line in this statement, or no such entry on its account."""

    constraint = "external_item_not_found"


class AlreadyMatched(Refusal):
    """This line or entry is matched or resolved already; undo that first."""

    status = 409
    constraint = "already_matched"


class MatchDoesNotAddUp(Refusal):
    """The lines and the entries of a match come to the same amount, within the tolerance."""

    constraint = "match_does_not_add_up"


class TooManyEntries(Refusal):
    """The account has more open entries around this statement than one search takes on; ask for fewer days."""


class ExternalMatchNotFound(NotFound):
    """There is no such match."""


class MatchUndone(Refusal):
    """This match was undone before."""

    status = 409
    constraint = "match_undone"


class AdjustmentNotFound(NotFound):
    """There is no such adjustment."""


class AdjustmentExists(Refusal):
    """An adjustment of this line or entry waits for its decision."""

    status = 409
    constraint = "adjustment_exists"


class AdjustmentNotPending(Refusal):
    """This adjustment was decided before."""

    status = 409
    constraint = "adjustment_not_pending"


class FourEyes(Refusal):
    """Who proposed an adjustment does not post it."""

    status = 403
    constraint = "four_eyes"
