"""Issued statements: each link of a chain is as the event that issued it says."""

from accounts.rows import Bucket
from journal.statements.models import IssuedStatement
from ledger_project.log.checks import Check
from ledger_project.log.rebuilt import Told, events, rebuild, ref, said


def _buckets(name: str) -> str:
    return "ARRAY[" + ", ".join(f"state -> '{name}' ->> '{bucket.label}'" for bucket in Bucket) + "]"


STATEMENTS = Check("statements_equal_log", "every statement that was issued is as its event says")
rebuild(
    STATEMENTS,
    IssuedStatement,
    # The version is how many lines the chain has had in all.
    Told(
        lambda scope: (
            f"""
        SELECT id, tenant_id, state, sum((state ->> 'count')::bigint) OVER (
                   PARTITION BY state ->> 'account' ORDER BY (state -> 'period' ->> 'from')::timestamptz) AS version
          FROM (SELECT *, result -> 'statement' AS state FROM {events(scope, "statement.issued")} AS event) AS issued"""
        )
    ),
    prefix="stm",
    columns={
        "id": "told.id",
        "account_id": ref("account"),
        "since": "state -> 'period' ->> 'from'",
        "until": "state -> 'period' ->> 'to'",
        "opening": _buckets("opening"),
        "closing": _buckets("closing"),
        "version": "told.version",
        **said("total_in", "total_out"),
        "lines": "state ->> 'count'",
        "log_from": "state -> 'log' ->> 'from'",
        "log_to": "state -> 'log' ->> 'to'",
        "log_root": "decode(state -> 'log' ->> 'root', 'hex')",
        "lines_hash": "decode(state ->> 'lines_hash', 'hex')",
        "hash": "decode(state ->> 'hash', 'hex')",
    },
)
