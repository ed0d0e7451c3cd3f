"""Argument types about holds and deposits, for commands to annotate with."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from accounts.fields import NameField
from ledger_project.kernel import ids
from ledger_project.kernel.fields import ChoiceField, IdField, RefField, TextField, Want, WholeNumberField


@dataclass(frozen=True)
class OpenableField(NameField):
    """An account's id or name; a name is of the form that a new account's must have."""

    def parse(self, raw: Any, name: str) -> str:
        if isinstance(raw, str) and ids.read("acc", raw):
            return raw
        return super().parse(raw, name)

    def wants(self, value: str) -> Iterable[Want]:
        return (("account", value),)


YEAR = 365 * 24 * 3600

HoldId = Annotated[UUID, IdField("hld", "hold")]
DepositId = Annotated[UUID, IdField("dep", "deposit")]
# An account that is only named, so it is read and not locked: a busy seller is not a queue of its buyers' promises.
PartyRef = Annotated[str, RefField(kind="party")]
Seconds = Annotated[int, WholeNumberField(1, YEAR)]
OnTimeout = Annotated[str, ChoiceField(("refund", "release"))]
Destination = Annotated[str, TextField(maximum=512)]
OpenableRef = Annotated[str, OpenableField()]
