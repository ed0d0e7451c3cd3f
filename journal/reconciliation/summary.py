"""How the books stand after what was reconciled last: for the dashboard and the metrics."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from ledger_project.log.executor import look

OVERDUE = timedelta(hours=26)  # the nightly run, and two hours


@dataclass(frozen=True, slots=True)
class Standing:
    """`red` has the newest runs that found something, with their number of differences, worst first; `by_check` sums
    them; `age` is how long ago a run ended last, None where none ever has.
    """

    finished_at: datetime | None
    age: timedelta | None
    red: list[tuple[UUID, int, int]] = field(default_factory=list)  # run, tenant, differences
    by_check: dict[str, int] = field(default_factory=dict)

    @property
    def mismatches(self) -> int:
        return sum(differences for _, _, differences in self.red)

    @property
    def overdue(self) -> bool:
        return self.age is not None and self.age > OVERDUE


def standing() -> Standing:
    """A few rows by index: the run that ended last, and those with differences after which none of its tenant came."""
    newest = look(_NEWEST, ())
    finished_at, age = newest[0] if newest else (None, None)
    return Standing(finished_at, age, list(look(_RED, ())), dict(look(_BY_CHECK, ())))


_NEWEST = """
SELECT finished_at, clock_timestamp() - finished_at FROM journal_reconciliationrun
 WHERE finished_at IS NOT NULL ORDER BY finished_at DESC LIMIT 1
"""
_LAST_RED = """
  FROM journal_reconciliationrun AS run
 WHERE run.mismatches > 0
   AND NOT EXISTS (SELECT FROM journal_reconciliationrun AS later
                    WHERE later.tenant_id = run.tenant_id AND later.id > run.id AND later.finished_at IS NOT NULL)
"""
_RED = f"SELECT id, tenant_id, mismatches {_LAST_RED} ORDER BY mismatches DESC, id LIMIT 100"
_BY_CHECK = f"""
SELECT found.check ->> 'name', sum((found.check ->> 'found')::bigint)::bigint
  FROM (SELECT jsonb_array_elements(checks) AS check {_LAST_RED}) AS found
 WHERE found.check -> 'found' <> '0' GROUP BY 1 ORDER BY 1
"""
