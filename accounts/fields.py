"""Argument types about accounts, for commands to annotate with."""

from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from accounts.rows import BUCKETS
from ledger_project.kernel import ids
from ledger_project.kernel.errors import InvalidRequest
from ledger_project.kernel.fields import ChoiceField, IdField, RefField, TextField


@dataclass(frozen=True)
class NameField(TextField):
    """A new account's name: a DID, an address, `platform:cash` …; nothing that a URL or an id could be taken for."""

    forbidden: str = "/"

    def parse(self, raw: Any, name: str) -> str:
        value = super().parse(raw, name)
        if value != value.strip() or value in {".", ".."} or ids.looks_like_id(value):
            raise InvalidRequest(field=name, reason="not a name: blank at an end, a path's dots, or the form of an id")
        return value


AccountRef = Annotated[str, RefField(kind="account")]
WholeAccountRef = Annotated[str, RefField(kind="whole_account")]
AccountName = Annotated[str, NameField()]
AccountType = Annotated[str, ChoiceField(("asset", "liability", "equity", "revenue", "expense"))]
BucketName = Annotated[str, ChoiceField(tuple(BUCKETS))]
CurrencyCode = Annotated[str, RefField(kind="currency", maximum=32, pattern=r"[A-Za-z0-9._:-]+")]
SessionKeyId = Annotated[UUID, IdField("ssk", "session_key")]
