"""Argument types about statements of others, for commands to annotate with."""

import hashlib
from dataclasses import dataclass, replace
from typing import Annotated, Any
from uuid import UUID

from journal.external.formats import READERS, read
from journal.external.statement import MAX_SIZE, Draft
from ledger_project.kernel.errors import InvalidRequest
from ledger_project.kernel.fields import ChoiceField, Field, IdField, ListField, RefField, WholeNumberField

MAX_DAYS = 60
MAX_ITEMS = 1000  # of one match that a person makes


@dataclass(frozen=True, slots=True)
class File:
    """A file's text and its name in the log."""

    content: str
    sha256: str
    size: int
    draft: Draft | None = None  # what it says, once it was read

    def read(self, format: str, mapping: dict[str, Any] | None) -> "File":
        return replace(self, draft=read(self.content, format=format, mapping=mapping or {}))


class FileField(Field):
    """The text of a file. The log keeps its hash; the file itself is stored beside what was read from it."""

    def parse(self, raw: Any, name: str) -> File:
        if not isinstance(raw, str):
            raise InvalidRequest(field=name, reason="not a string")
        if not 0 < len(raw) <= MAX_SIZE:
            raise InvalidRequest(field=name, reason=f"not 1 to {MAX_SIZE} characters long")
        try:
            data = raw.encode()
        except UnicodeEncodeError as error:
            raise InvalidRequest(field=name, reason=f"half a character at {error.start}") from error
        if b"\0" in data:
            raise InvalidRequest(field=name, reason="has a NUL")
        return File(raw, hashlib.sha256(data).hexdigest(), len(data))

    def render(self, value: File) -> dict[str, Any]:
        return {"sha256": value.sha256, "size": value.size}

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "minLength": 1, "maxLength": MAX_SIZE, "description": "The whole file, as text."}


FileText = Annotated[File, FileField()]
FormatName = Annotated[str, ChoiceField(tuple(READERS))]
# Told apart from other commands' accounts because the books are not locked for what others say about them.
ReconciledRef = Annotated[str, RefField(kind="reconciled_account")]
ExternalStatementId = Annotated[UUID, IdField("xst", "external_statement")]
ExternalMatchId = Annotated[UUID, IdField("xmt", "external_match")]
AdjustmentId = Annotated[UUID, IdField("adj", "adjustment")]
LineNumber = Annotated[int, WholeNumberField(1, 1_000_000)]
LineNumbers = Annotated[list[int], ListField(WholeNumberField(1, 1_000_000), maximum=MAX_ITEMS)]
ReconciledEntry = Annotated[UUID, IdField("ent", "reconciled_entry")]
ReconciledEntries = Annotated[list[UUID], ListField(IdField("ent", "reconciled_entry"), maximum=MAX_ITEMS)]
Days = Annotated[int, WholeNumberField(0, MAX_DAYS)]
