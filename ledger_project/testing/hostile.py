"""Raw SQL against the database's own rules, as the app's role and as the owner."""

from collections.abc import Sequence

import pytest
from django.db import DatabaseError, connections, transaction

APP, OWNER = "default", "owner"


def attempt(alias: str, *statements: str) -> DatabaseError:
    """Run the statements in one transaction; the error that stops them."""
    with pytest.raises(DatabaseError) as stopped:
        _execute(alias, statements)
    return stopped.value


def _execute(alias: str, statements: Sequence[str]) -> None:
    with transaction.atomic(using=alias), connections[alias].cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def constraint(error: DatabaseError) -> str | None:
    """The name of the rule that was broken."""
    return error.__cause__.diag.constraint_name  # type: ignore[union-attr]
