"""The back office's site and its bases: the one module that imports Unfold."""

from unfold.sites import UnfoldAdminSite


class LedgerAdminSite(UnfoldAdminSite):
    """Finance staff's view of the ledger."""
