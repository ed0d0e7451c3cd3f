"""Rules of a tenant that a process remembers: budgets and prices, which every payment asks and which hardly change.

A tenant's *revision* says how often they changed. A batch plans by the rules that its process remembers and reads the
revision after its last lock: if there is a newer one, it forgets, and plans anew. So whoever gets its locks after a
change was committed goes by it, and nobody pays a round trip for it.
"""

from collections.abc import Callable
from typing import Generic, TypeVar

from ledger_project.log.lock_order import LockOrder
from ledger_project.log.table import OneRowStore, StoredRow, column, stored
from ledger_project.log.unit import Look, Unit, Wants

T = TypeVar("T")

KEPT = 10_000  # tenants whose rules a process remembers

_revisions: dict[int, int] = {}


class RulesChanged(Exception):
    """The rules are newer than those that the batch was planned by."""


def revision_for(tenant: int, look: Look, *, committed: bool) -> int:
    """The revision to plan by. Inside a caller's own transaction nothing is remembered: it may be rolled back."""
    if committed:
        return _revisions.get(tenant, 0)
    found = look("SELECT revision FROM log_revision WHERE tenant_id = %s", (tenant,))
    return int(found[0][0]) if found else 0


def require_newest(wants: Wants, found: int | None) -> None:
    """Raises RulesChanged where another revision was found under the locks."""
    if wants.revision == (found or 0):
        return
    if len(_revisions) > KEPT:
        _revisions.clear()
    if wants.committed:
        _revisions[wants.tenant] = found or 0
    raise RulesChanged


class Rules(Generic[T]):
    """One kind of rule: `read` reads a tenant's, `none` is what a tenant has that never had any."""

    def __init__(self, read: Callable[[int, Look], T], none: T) -> None:
        self._read, self._none = read, none
        self._kept: dict[int, tuple[int, T]] = {}

    def of(self, wants: Wants, look: Look) -> T:
        if not wants.revision:
            return self._none
        kept = self._kept.get(wants.tenant)
        if kept and kept[0] == wants.revision and wants.committed:
            return kept[1]
        rules = self._read(wants.tenant, look)
        if wants.committed:
            if len(self._kept) > KEPT:
                self._kept.clear()
            self._kept[wants.tenant] = wants.revision, rules
        return rules


@stored
class RevisionRow(StoredRow):
    """How often a tenant's rules have changed."""

    revision: int = column(type="bigint", changes=True)

    @property
    def key(self) -> None:
        """A tenant has one."""


class RevisionStore(OneRowStore):
    """Locked before everything else, by commands that change rules."""

    rank = LockOrder.REVISION
    row = RevisionRow
    kinds = frozenset({"revision"})
    table = "log_revision"


def count_change(unit: Unit) -> None:
    """This command has changed rules."""
    row = unit.find(RevisionRow, None)
    if row is None:
        unit.add(RevisionRow(revision=1))
    else:
        row.revision += 1
        row.changed = True
