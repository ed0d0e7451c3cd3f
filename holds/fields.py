"""Argument types about holds and deposits, for commands to annotate with."""

from typing import Annotated
from uuid import UUID

from ledger_project.kernel.fields import ChoiceField, IdField, RefField, TextField, WholeNumberField

YEAR = 365 * 24 * 3600

HoldId = Annotated[UUID, IdField("hld", "hold")]
DepositId = Annotated[UUID, IdField("dep", "deposit")]
# An account that is only named, so it is read and not locked: a busy seller is not a queue of its buyers' promises.
PartyRef = Annotated[str, RefField(kind="party")]
Seconds = Annotated[int, WholeNumberField(1, YEAR)]
OnTimeout = Annotated[str, ChoiceField(("refund", "release"))]
Destination = Annotated[str, TextField(maximum=512)]
