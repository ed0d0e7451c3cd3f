"""The last verified point: balance rows as they were when a full replay found them right.

From there on an incremental replay adds up only what was posted since. The point is a note of the one who checked, and
no more to be trusted than the database that it stands in; the nightly run is full.
"""

from django.db import OperationalError, connection
from psycopg.errors import SerializationFailure

from accounts.rows import Bucket
from ledger_project.log.checks import Scope

# A point whose transaction ids are ahead of this server's is another server's: the database was restored from a dump.
_OURS = "pg_snapshot_xmax(point.snapshot) <= pg_snapshot_xmax(pg_current_snapshot())"
# Events that the verified view of the database did not see, however old the transactions that wrote them.
_SINCE = f"""(
    SELECT event.* FROM log_event AS event LEFT JOIN journal_verifiedpoint AS point USING (tenant_id)
     WHERE ({_OURS} AND pg_visible_in_snapshot(event.insert_xid, point.snapshot)) IS NOT TRUE)"""
_POINT = "(SELECT snapshot FROM journal_verifiedpoint WHERE tenant_id = %(tenant)s)"
_SINCE_OF_ONE = f"""(
    SELECT event.* FROM log_event AS event
     WHERE event.insert_xid >= pg_snapshot_xmin({_POINT}) AND NOT pg_visible_in_snapshot(event.insert_xid, {_POINT}))"""


def scope(tenant: int | None, *, incremental: bool = False) -> Scope:
    """What a replay looks at. A tenant that was never verified is looked at whole."""
    if not incremental:
        return Scope(tenant)
    if tenant is None:
        return Scope(None, incremental=True, events=_SINCE)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT FROM journal_verifiedpoint AS point WHERE tenant_id = %s AND {_OURS}", [tenant])
        known = cursor.rowcount > 0
    return Scope(tenant, incremental=known, events=_SINCE_OF_ONE if known else "log_event")


def mark(tenant: int | None) -> None:
    """Keep the view of the database that is open as the verified point. Only for who has found it right just now.

    Where somebody has verified the same books since the view was opened, theirs is the newer point, and stays.
    """
    with connection.cursor() as cursor:
        cursor.execute("SAVEPOINT mark")
        try:
            cursor.execute(_MARK_POINT, {"tenant": tenant})
            cursor.execute(_MARK_BALANCES, {"tenant": tenant})
        except OperationalError as error:
            if not isinstance(error.__cause__, SerializationFailure):
                raise
            cursor.execute("ROLLBACK TO SAVEPOINT mark")
        cursor.execute("RELEASE SAVEPOINT mark")


_MARK_POINT = """
INSERT INTO journal_verifiedpoint (tenant_id, snapshot, verified_at)
SELECT id, pg_current_snapshot(), clock_timestamp() FROM accounts_tenant
 WHERE %(tenant)s::int IS NULL OR id = %(tenant)s
    ON CONFLICT (tenant_id) DO UPDATE SET snapshot = excluded.snapshot, verified_at = excluded.verified_at
"""
_LABELS = ", ".join(bucket.label for bucket in Bucket)
_MARK_BALANCES = f"""
INSERT INTO journal_verifiedbalance AS base (tenant_id, account_id, stripe, version, {_LABELS})
SELECT tenant_id, account_id, stripe, version, {_LABELS} FROM accounts_balance
 WHERE %(tenant)s::int IS NULL OR tenant_id = %(tenant)s
    ON CONFLICT (account_id, stripe) DO UPDATE
   SET (version, {_LABELS}) = (excluded.version, {", ".join(f"excluded.{bucket.label}" for bucket in Bucket)})
 WHERE base IS DISTINCT FROM excluded
"""
