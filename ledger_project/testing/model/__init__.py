"""The ledger's rules once more, in plain Python with no database: what the state machine test compares with.

Written from the documents, not from the plans, and kept naive: a command is a method that either raises `No` with the
code of the expected refusal, or changes the model.
"""

from ledger_project.testing.model.clearing import Settling
from ledger_project.testing.model.state import No

__all__ = ["Model", "No"]


class Model(Settling):
    """All that one tenant has, and every command."""
