"""What a program that uses the ledger needs; nothing of the ledger itself.

`LedgerClient` and `AsyncLedgerClient` speak to it, `ledger` does so from a shell, and `ledger_client.verify` checks
receipts, logs and checkpoints offline, and works as a file on its own.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ledger_client.client import AsyncLedgerClient, LedgerClient
    from ledger_client.errors import (
        AccountNotFoundError,
        InsufficientBalanceError,
        LedgerError,
        LedgerUnreachable,
        PaymentRequiredError,
    )
    from ledger_client.holds import Hold
    from ledger_client.metering import Metered

__version__ = "0.1.0"
__all__ = [
    "AccountNotFoundError",
    "AsyncLedgerClient",
    "Hold",
    "InsufficientBalanceError",
    "LedgerClient",
    "LedgerError",
    "LedgerUnreachable",
    "Metered",
    "PaymentRequiredError",
]
HOMES = {"AsyncLedgerClient": "client", "LedgerClient": "client", "Hold": "holds", "Metered": "metering"}


def __getattr__(name: str) -> Any:
    """The verifier is imported without an HTTP client, so the names are looked up at first use."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"ledger_client.{HOMES.get(name, 'errors')}"), name)
