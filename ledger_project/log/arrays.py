"""Columns of many rows as PostgreSQL array literals.

psycopg asks every element for its type, which costs more than the rest of a batch's planning. The statements say the
types (`%s::uuid[]`), so the literal is enough, and every batch size is one prepared statement.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any


def literal(values: Iterable[Any]) -> str:
    """`{…}` of strings, integers, UUIDs, bools, bytes, times and None."""
    return "{" + ",".join(map(_element, values)) + "}"


def _element(value: Any) -> str:
    if isinstance(value, str):
        # Inside quotes only these two are special. A NUL cannot be stored as text, and no field lets one through.
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if value is None:
        return "NULL"
    if isinstance(value, bytes):
        return '"\\\\x' + value.hex() + '"'
    if isinstance(value, datetime):
        return '"' + value.isoformat() + '"'
    return str(value)


def parameters(values: Iterable[Any]) -> list[Any]:
    """A statement's parameters, with its lists as literals."""
    return [literal(value) if isinstance(value, list) else value for value in values]
