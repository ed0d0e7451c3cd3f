"""Doing the reconciliations that wait: all checks over the books of all that wait, in one pass.

One transaction holds the lock, sees one moment of the database, and writes what was found. So a run that is killed has
never been, and the next pass does it; and two workers never do the same.
"""

import json
import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from accounts.models import Tenant
from journal.errors import ReconciliationUnderWay
from journal.reconciliation import verified
from ledger_project.kernel import clock
from ledger_project.log import sealed, sealing, verification
from ledger_project.log.checks import Check, Comparison, Difference, Scope, view
from ledger_project.log.each import for_each
from ledger_project.log.executor import look, run

LISTED = 1000  # differences of one check that a run lists; their number is exact
AT_ONCE = 1000  # runs that are done in one pass
CHUNK = 1000  # findings in one statement
REST = 9  # times as long as a pass took

log = logging.getLogger(__name__)


@dataclass
class Outcome:
    """A run at work: how many differences each check found, and the first of them."""

    id: UUID
    tenant: int
    found: Counter[str] = field(default_factory=Counter)
    listed: list[Difference] = field(default_factory=list)

    def add(self, difference: Difference) -> None:
        self.found[difference.check] += 1
        if self.found[difference.check] <= LISTED:
            self.listed.append(difference)


def checks() -> list[Check]:
    """All checks of a reconciliation, by name, once each: several comparisons may answer for one."""
    declared = [check for comparison in Comparison.all for check in comparison.checks]
    return sorted({check.name: check for check in [*declared, *sealed.CHECKS.values()]}.values(), key=lambda c: c.name)


def request_all(day: datetime) -> int:
    """Ask for a run of every tenant, once a day however often this is called; how many are asked for."""
    key = f"reconciliation:{day:%Y-%m-%d}"

    def request(tenant: int) -> bool:
        try:
            return not run(tenant, "request_reconciliation", key=key, actor="system:reconciliation").replayed
        except ReconciliationUnderWay:  # whoever asked for it, it is what we want
            return False

    tenants = Tenant.objects.order_by("pk").values_list("pk", flat=True)
    return sum(for_each("request_reconciliations", tenants, request))


def run_waiting() -> list[UUID]:
    """Do the runs that wait; which they were. None where another worker is at it.

    Where the pass over all of them fails, each is done by itself, so that books that cannot be read are nobody else's
    trouble. Raises SomeFailed then.
    """
    waiting = [tenant for _, tenant in look(_WAITING, (AT_ONCE,))]
    if not waiting:
        return []
    try:
        return _pass_over(waiting)
    except Exception:
        if len(waiting) == 1:
            raise
        log.exception("a reconciliation of %s tenants failed; each is done by itself", len(waiting))
    return [done for each in for_each("reconcile", waiting, lambda tenant: _pass_over([tenant])) for done in each]


def _pass_over(tenants: Sequence[int]) -> list[UUID]:
    elsewhere = verification.read_anchors()  # before the view, so that whatever an anchor holds is in it
    with view():
        ((mine,),) = look("SELECT pg_try_advisory_xact_lock(hashtextextended('reconciliation', 0))", ())
        waiting = [each for each in look(_WAITING, (AT_ONCE,)) if each[1] in tenants] if mine else []
        outcomes = {tenant: Outcome(key, tenant) for key, tenant in waiting}
        if not outcomes:
            return []
        started = clock.now()
        for difference in _differences(list(outcomes), elsewhere):
            concerned = outcomes if difference.tenant is None else [difference.tenant]
            for tenant in concerned:
                if tenant in outcomes:
                    outcomes[tenant].add(difference)
        _finish(outcomes.values(), started)
    return [outcome.id for outcome in outcomes.values()]


def resting() -> bool:
    """Whether the last pass is so recent that the next one waits: passes take a tenth of one worker's time at most.

    So whoever asks again and again makes nobody else's work wait, however long a pass takes.
    """
    return bool(look(_RESTING, (REST,)))


def _differences(tenants: Sequence[int], elsewhere: verification.Elsewhere) -> Iterator[Difference]:
    """What every check finds; of everybody where several runs wait, because that is one pass too."""
    scope = Scope(tenants[0] if len(tenants) == 1 else None)
    for comparison in Comparison.all:
        yield from comparison.find(scope)
    yield from sealed.differences(elsewhere, frozenset(tenants))


def _finish(outcomes: Iterable[Outcome], started: datetime) -> None:
    """Write what was found. Books in which nothing was are verified as of this moment."""
    head = sealing.newest()
    names = [check.name for check in checks()]
    for outcome in outcomes:
        counted = [{"name": name, "found": outcome.found[name]} for name in names]
        total = outcome.found.total()
        look(_FINISH, (started, head.size if head else 0, total, json.dumps(counted), outcome.id))
        for first in range(0, len(outcome.listed), CHUNK):
            look(*_findings(outcome, first))
        if not total:
            verified.mark(outcome.tenant)


def _findings(outcome: Outcome, first: int) -> tuple[str, tuple[Any, ...]]:
    rows = outcome.listed[first : first + CHUNK]
    columns = [[getattr(row, name) for row in rows] for name in ("check", "subject", "stored", "replayed", "account")]
    return _FINDINGS, (outcome.id, outcome.tenant, list(range(first, first + len(rows))), *columns)


_WAITING = """
SELECT id, tenant_id FROM journal_reconciliationrun WHERE finished_at IS NULL ORDER BY requested_at LIMIT %s
"""
_RESTING = """
SELECT FROM (SELECT started_at, finished_at FROM journal_reconciliationrun
              WHERE finished_at IS NOT NULL ORDER BY finished_at DESC LIMIT 1) AS last
 WHERE finished_at + %s::int * (finished_at - started_at) > clock_timestamp()
"""
_FINISH = """
UPDATE journal_reconciliationrun
   SET started_at = %s, finished_at = clock_timestamp(), log_size = %s, mismatches = %s, checks = %s::jsonb
 WHERE id = %s AND finished_at IS NULL
"""
_FINDINGS = """
INSERT INTO journal_finding (run_id, tenant_id, seq, check_name, subject, stored, replayed, account)
SELECT %s, %s, * FROM unnest(%s::int[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[])
"""
