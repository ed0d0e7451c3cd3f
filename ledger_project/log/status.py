"""How the sealed log fares: for `/readyz`, the metrics and the back office."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings

from ledger_project.log import anchors, fence, sealing
from ledger_project.log.anchors import Anchored
from ledger_project.log.executor import look


@dataclass(frozen=True, slots=True)
class Status:
    """`lag` is how long the oldest event that can be sealed has been waiting; `findings` counts open ones by kind.

    `fenced` says why nothing leaves this copy.
    """

    size: int
    signed_at: datetime | None
    lag: timedelta
    findings: dict[str, int]
    anchors: list[Anchored]
    fenced: str | None = None

    @property
    def alarms(self) -> list[str]:
        """What somebody should look at, in words."""
        found = [f"this copy is fenced, and sends and seals nothing: {self.fenced}"] if self.fenced else []
        found += [f"{kind}: {count} open" for kind, count in self.findings.items()]
        if self.lag > timedelta(seconds=settings.SEAL_MAX_LAG):
            found.append(f"an event has been waiting to be sealed for {self.lag // timedelta(seconds=1)} s")
        return found + [f"the anchor {anchor.sink} is stale" for anchor in self.anchors if anchor.stale]


def status() -> Status:
    """A handful of rows, each found by its index."""
    head = sealing.newest()
    _, before, running = (head.snapshot if head else sealing.NOTHING_SEEN).split(":")
    ((waiting,),) = look(_WAITING, (before, [xid for xid in running.split(",") if xid]))
    return Status(
        size=head.size if head else 0,
        signed_at=head.recorded_at if head else None,
        lag=max(timedelta(), waiting or timedelta()),
        findings=dict(look(_FINDINGS, (settings.LOG_ORIGIN,))),
        anchors=anchors.status(),
        fenced=fence.reason(),
    )


# The oldest by its transaction, which its index finds at once; by its time it is the oldest but for an instant.
_WAITING = """
SELECT clock_timestamp() - min(oldest.recorded_at)
  FROM ((SELECT recorded_at FROM log_event AS event
          WHERE insert_xid >= %s::xid8 AND insert_xid < pg_snapshot_xmax(pg_current_snapshot())
            AND NOT EXISTS (SELECT FROM log_sealingfinding AS finding
                             WHERE finding.event_id = event.id AND finding.resolved_at IS NULL)
          ORDER BY insert_xid LIMIT 1)
        UNION ALL
        (SELECT recorded_at FROM log_event WHERE insert_xid = ANY(%s::xid8[]) ORDER BY insert_xid LIMIT 1)) AS oldest
"""
_FINDINGS = """
SELECT kind, count(*) FROM log_sealingfinding WHERE resolved_at IS NULL AND origin IN ('', %s)
 GROUP BY kind ORDER BY kind
"""
