"""Argument types about webhooks, for commands to annotate with."""

from typing import Annotated
from uuid import UUID

from ledger_project.kernel.fields import ChoiceField, IdField, ListField, TextField, WholeNumberField

URL_LENGTH = 2000
TYPES = 50

WebhookId = Annotated[UUID, IdField("wbh", "webhook")]
DeliveryId = Annotated[UUID, IdField("dlv", "delivery")]
Url = Annotated[str, TextField(maximum=URL_LENGTH, pattern=r"https?://[!-~]+")]
EventTypes = Annotated[
    list[str],
    ListField(TextField(maximum=100, pattern=r"\*|[A-Za-z_]+(\.[a-z_]+)*(\.\*)?"), maximum=TYPES, minimum=1),
]
Description = Annotated[str, TextField(maximum=300, minimum=0)]
LogIndex = Annotated[int, WholeNumberField(0, 2**53 - 1)]
DisabledReason = Annotated[str, ChoiceField(("requested", "gone", "failing"))]
