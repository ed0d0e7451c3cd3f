"""What is stored and would not fit any more: rows of one identity, and names that no new row may have.

The unique rules of the models say which columns are identities, so a new rule is looked at without being named here.
All is compared in Python, because a database that is yet to be migrated knows no `folded()`.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db import connection
from django.db.models import Model, UniqueConstraint

from accounts.folding import Folded
from accounts.models import Currency
from ledger_project.kernel.identity import fold, tidy, unfit
from ledger_project.log.queries import read

CURRENCY_CODE = re.compile(r"[A-Z0-9]{2,12}")
AT_ONCE = 5_000
Key = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """Rows of one table, by their ids and what they are called."""

    table: str
    rule: str
    reason: str
    rows: tuple[tuple[str, Key], ...]

    def __str__(self) -> str:
        named = ", ".join(f"{row} {key!a}" for row, key in self.rows)
        return f"{self.table} ({self.rule}): {self.reason}: {named}"


@dataclass(frozen=True, slots=True)
class Identity:
    """A unique rule: its table, and its columns, each with whether it is compared by what it means."""

    table: str
    rule: str
    row_id: str
    columns: tuple[tuple[str, bool], ...]

    def meant(self, key: Sequence[Any]) -> Key:
        return tuple(fold(value) if folded else value for value, (_, folded) in zip(key, self.columns, strict=True))

    def unfit(self, key: Sequence[Any]) -> str | None:
        for value, (_, folded) in zip(key, self.columns, strict=True):
            if folded and (reason := unfit(value)):
                return reason
            if folded and tidy(value) != value:
                return "is not as it would be stored"
        return None


def identities() -> Iterator[Identity]:
    """Every unique rule with a column that is compared by what it means."""
    for model in apps.get_models():
        for rule in model._meta.constraints:
            if isinstance(rule, UniqueConstraint) and any(isinstance(part, Folded) for part in rule.expressions):
                columns = tuple(_column(model, part) for part in rule.expressions)
                primary = str(model._meta.pk and model._meta.pk.column)
                yield Identity(model._meta.db_table, str(rule.name), primary, columns)


def _column(model: type[Model], part: Any) -> tuple[str, bool]:
    folded = isinstance(part, Folded)
    name: str = (part.get_source_expressions()[0] if folded else part).name
    return str(model._meta.get_field(name).column), folded  # type: ignore[union-attr]


def problems() -> Iterator[Problem]:
    """All that does not fit, table by table."""
    for identity in identities():
        yield from _of(identity)
    for key, tenant, code in read("SELECT id, tenant_id, code FROM accounts_currency ORDER BY id", []):
        if not CURRENCY_CODE.fullmatch(code):
            reason = "not 2 to 12 capitals and digits"
            yield Problem(Currency._meta.db_table, "currency_code", reason, ((str(key), (tenant, code)),))


def _of(identity: Identity) -> Iterator[Problem]:
    """Of rows that mean the same at most one is written as it is compared; so those written otherwise are kept."""
    otherwise: defaultdict[Key, list[tuple[str, Key]]] = defaultdict(list)
    for row, key in _rows(identity):
        if reason := identity.unfit(key):
            yield Problem(identity.table, identity.rule, reason, ((row, key),))
        meant = identity.meant(key)
        if meant != key:
            otherwise[meant].append((row, key))
    plain: dict[Key, str] = {key: row for row, key in _rows(identity) if key in otherwise} if otherwise else {}
    for meant, rows in otherwise.items():
        if meant in plain:
            rows.insert(0, (plain[meant], meant))
        if len(rows) > 1:
            yield Problem(identity.table, identity.rule, "these mean the same", tuple(rows))


def _rows(identity: Identity) -> Iterator[tuple[str, Key]]:
    """The table's keys, read a few thousand at a time, so that a table of any size takes little memory."""
    names = [column for column, _ in identity.columns]
    present = " AND ".join(f"{name} IS NOT NULL" for name in names)
    with connection.chunked_cursor() as cursor:
        cursor.execute(f"SELECT {identity.row_id}, {', '.join(names)} FROM {identity.table} WHERE {present}")
        while rows := cursor.fetchmany(AT_ONCE):
            for row, *key in rows:
                yield str(row), tuple(key)
