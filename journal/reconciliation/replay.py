"""Reconciliations: who asked for one is in the log, and what it found where it found something."""

from journal.reconciliation.models import ReconciliationRun
from ledger_project.log.checks import Check
from ledger_project.log.rebuilt import Column, Told, events, leave_apart, rebuild, said

REPORTED = ("started_at", "finished_at", "log_size", "mismatches", "checks")

RUNS = Check("reconciliations_equal_log", "every reconciliation was asked for, and found what was told of it")
rebuild(
    RUNS,
    ReconciliationRun,
    Told(
        lambda scope: (
            f"""
        SELECT asked.id, asked.tenant_id, asked.result -> 'reconciliation' AS state,
               told.result -> 'reconciliation' AS found, told.recorded_at AS reported_at
          FROM {events(scope, "reconciliation.requested")} AS asked
          LEFT JOIN {events(scope, "reconciliation.mismatched")} AS told
            ON told.result -> 'reconciliation' ->> 'id' = asked.result -> 'reconciliation' ->> 'id'"""
        )
    ),
    prefix="rec",
    columns={
        "id": "told.id",
        **said("requested_by", "requested_at"),
        "reason": "coalesce(state ->> 'reason', '')",
        **{name: Column(f"found ->> '{name}'", where_told=True) for name in REPORTED},
        "reported_at": "told.reported_at",
    },
    apart={
        **dict.fromkeys(REPORTED, "the worker's report, which stands; compared where an event tells of differences"),
        "mailed_at": "when the mail about it went out, which is noted afterwards by whoever sent it",
    },
)
leave_apart(
    {
        "journal_finding": "what a run found is the worker's report, no command's; the event that tells of it has the"
        " numbers by check, and triggers let nobody change or remove a finding",
    }
)
