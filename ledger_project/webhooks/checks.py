"""What webhooks add to a reconciliation: nobody who should be told is waiting for a worker that does not come."""

from ledger_project.log.checks import compare

STUCK_AFTER = "15 minutes"  # beyond what is due; attempts that fail move their time on, so this is not about receivers

STUCK = compare(
    "webhooks_not_stuck",
    f"what is due to a webhook is attempted within {STUCK_AFTER}",
    f"""
    SELECT endpoint.tenant_id, 'wbh_' || replace(endpoint.id::text, '-', ''), 'due since ' || cursor.due_at::text,
           'attempted'
      FROM webhooks_cursor AS cursor JOIN webhooks_endpoint AS endpoint ON endpoint.id = cursor.endpoint_id
     WHERE (%(tenant)s::int IS NULL OR endpoint.tenant_id = %(tenant)s)
       AND endpoint.enabled AND endpoint.deleted_at IS NULL
       AND greatest(cursor.due_at, cursor.rest_until, cursor.lease_until) < clock_timestamp() - interval '{STUCK_AFTER}'
       AND cursor.due_at IS NOT NULL
     ORDER BY 1, 2
    """,
    rebuilds=False,
)
