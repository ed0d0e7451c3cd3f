"""Names that are kept for the platform's own accounts: all that begin with `platform:`.

The ledger opens such an account on first use. Whoever may open accounts could be there before it with another type, a
floor or another currency, and so stand in the way of every deposit or payment; so it is opened as the ledger would, or
not at all.
"""

from accounts.errors import ReservedName
from ledger_project.kernel.identity import fold

PREFIX = "platform:"
TYPES = {
    "issuance": "equity",
    "fees": "revenue",
    "revenue": "revenue",
    "breakage": "revenue",
    "settlement": "liability",
    "custody": "asset",
    "cash": "asset",
    "disputes_held": "asset",
}


def require_fit(name: str, *, currency: str, type: str, unbounded: bool) -> None:
    """Let `platform:{role}` and `platform:{role}:{currency}` be opened as what they are. Refuses: ReservedName."""
    meant = fold(name)
    if not meant.startswith(PREFIX):
        return
    role, _, suffix = meant.removeprefix(PREFIX).partition(":")
    named_right = suffix == currency or meant == PREFIX + role
    if not named_right or not unbounded or type != TYPES.get(role):
        raise ReservedName(account=name, currency=currency, expected=TYPES.get(role))
