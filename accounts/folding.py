"""Identities in PostgreSQL: `folded()` for models and lookups, and the migration that makes a unique rule of it."""

from typing import Any, TypeVar

from django.db import IntegrityError
from django.db.migrations import AddConstraint
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


class CollisionsFound(Exception):
    """What is stored has two rows of one identity."""


class AddIdentity(AddConstraint):
    """A unique rule on what a column means; where the stored rows break it, the migration says what lists them."""

    def database_forwards(self, *args: Any) -> None:
        try:
            super().database_forwards(*args)
        except IntegrityError as error:
            raise CollisionsFound(
                f"{self.model_name}: two rows mean the same, where {self.constraint.name} allows one. Nothing was"
                " changed. `manage.py find_collisions` lists all of them; docs/identities.md says what to do."
            ) from error
