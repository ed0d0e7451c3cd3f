"""Identities in PostgreSQL: `folded()` for models and lookups."""

from typing import TypeVar

from django.db.models import Func, Model, QuerySet, TextField
from django.db.models.lookups import Exact

from ledger_project.kernel.identity import fold

M = TypeVar("M", bound=Model)


class Folded(Func):
    """The form by which a column of names or references is compared."""

    function = "folded"
    arity = 1
    output_field = TextField()


def meaning(rows: QuerySet[M], column: str, spelling: str) -> QuerySet[M]:
    """Those rows whose name or reference means the same as this one."""
    return rows.filter(Exact(Folded(column), fold(spelling)))
