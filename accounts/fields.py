"""Argument types about accounts, for commands to annotate with."""

from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from accounts.rows import BUCKETS
from ledger_project.kernel import identity, ids
from ledger_project.kernel.errors import InvalidRequest
from ledger_project.kernel.fields import ChoiceField, IdField, RefField, TextField


@dataclass(frozen=True)
class NameField(TextField):
    """A new account's name: a DID, an address, `platform:cash` …; nothing that a URL or an id could be taken for."""

    forbidden: str = "/"

    def parse(self, raw: Any, name: str) -> str:
        value = super().parse(raw, name)
        if reason := identity.unfit(value):
            raise InvalidRequest(field=name, reason=reason)
        if value != value.strip() or value in {".", ".."} or ids.looks_like_id(value):
            raise InvalidRequest(field=name, reason="not a name: blank at an end, a path's dots, or the form of an id")
        return identity.tidy(value)


AccountRef = Annotated[str, RefField(kind="account")]
WholeAccountRef = Annotated[str, RefField(kind="whole_account")]
AccountName = Annotated[str, NameField()]
AccountType = Annotated[str, ChoiceField(("asset", "liability", "equity", "revenue", "expense"))]
BucketName = Annotated[str, ChoiceField(tuple(BUCKETS))]
# Of a currency that is there; those from before the rule for new codes keep theirs.
CurrencyCode = Annotated[str, RefField(kind="currency", maximum=32, pattern=r"[A-Za-z0-9._:-]+")]
NewCurrencyCode = Annotated[str, RefField(kind="currency", minimum=2, maximum=12, pattern=r"[A-Z0-9]+")]
SessionKeyId = Annotated[UUID, IdField("ssk", "session_key")]
