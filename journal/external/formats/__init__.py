"""Statements of others as lines, one reader per format."""

from collections.abc import Callable
from typing import Any

from journal.external.errors import MalformedStatement
from journal.external.formats import camt053, csv, json, ofx
from journal.external.statement import Draft, Mapping, malformed

Reader = Callable[[str, Mapping, Draft], None]
READERS: dict[str, Reader] = {"csv": csv.read, "json": json.read, "camt053": camt053.read, "ofx": ofx.read}


def read(content: str, *, format: str, mapping: dict[str, Any]) -> Draft:
    """What a statement says, in the file's order, up to the first thing that no account could have."""
    draft = Draft()
    try:
        READERS[format](content, Mapping(**mapping), draft)
        if not draft.lines:
            raise malformed(1, "lines", "the statement has no line")
    except MalformedStatement as problem:
        draft.problem = problem
    return draft
