"""What the verbs count besides balances, and the checks that hold these counts to the log."""

from ledger_project.log.checks import compare

PROMO = compare(
    "promo_equals_grants",
    "promotional money is what its grants have left, account by account",
    """
    WITH granted AS (
        SELECT account_id, sum(amount - spent - held - burned) AS amount FROM journal_promogrant GROUP BY account_id
    ), stored AS (
        SELECT account_id, sum(promo) AS amount FROM accounts_balance GROUP BY account_id
    )
    SELECT account.tenant_id, account.name || ' promo', coalesce(stored.amount, 0), coalesce(granted.amount, 0)
      FROM stored FULL JOIN granted USING (account_id)
      JOIN accounts_account AS account ON account.id = account_id
     WHERE (%(tenant)s::int IS NULL OR account.tenant_id = %(tenant)s)
       AND coalesce(stored.amount, 0) <> coalesce(granted.amount, 0)
     ORDER BY 1, 2
    """,
)

SESSION_KEYS = compare(
    "session_keys_count_spends",
    "what a session key counts as spent is the sum of the spends that named it, and of what its holds have paid",
    """
    WITH paid AS (
        SELECT result -> 'session_key' ->> 'id' AS key, (payload ->> 'amount')::numeric AS amount FROM log_event
         WHERE type IN ('spend.posted', 'payment.settled') AND result -> 'session_key' ->> 'id' IS NOT NULL
           AND result -> 'hold' IS NULL
         UNION ALL
        SELECT result -> 'session_key' ->> 'id', (result -> 'overrun' ->> 'paid')::numeric FROM log_event
         WHERE type = 'usage.recorded' AND result -> 'session_key' ->> 'id' IS NOT NULL
           AND result -> 'overrun' ->> 'paid' IS NOT NULL
         UNION ALL
        SELECT hold ->> 'session_key', (hold ->> 'captured')::numeric + (hold ->> 'overcaptured')::numeric FROM (
               SELECT DISTINCT ON (result -> 'hold' ->> 'id') result -> 'hold' AS hold FROM log_event
                WHERE type IN ('hold.captured', 'payment.settled', 'usage.recorded')
                  AND result -> 'hold' ->> 'session_key' IS NOT NULL
                ORDER BY result -> 'hold' ->> 'id', id DESC) AS newest
    ), replayed AS (
        SELECT substr(key, 5)::uuid AS id, sum(amount) AS amount FROM paid GROUP BY 1
    )
    SELECT stored.tenant_id, 'ssk_' || replace(stored.id::text, '-', ''), stored.spent_total,
           coalesce(replayed.amount, 0)
      FROM accounts_sessionkey AS stored LEFT JOIN replayed USING (id)
     WHERE (%(tenant)s::int IS NULL OR stored.tenant_id = %(tenant)s)
       AND stored.spent_total <> coalesce(replayed.amount, 0)
     ORDER BY 1, 2
    """,
)

SETTLEMENTS = compare(
    "settlements_add_up",
    "what a batch brought to the settlement account is the sum of the postings that it settled",
    """
    SELECT settled.tenant_id, batch.netting_batch_id || ' ' || account.name || '#' || settled.stripe,
           settled.net || ' of ' || settled.postings, coalesce(-line.amount, 0) || ' of ' || line.count
      FROM journal_settledrange AS settled
      JOIN journal_settlementbatch AS batch ON batch.id = settled.batch_id
      JOIN accounts_account AS account ON account.id = settled.account_id
     CROSS JOIN LATERAL (
           SELECT sum(posting.amount) AS amount, count(*) AS count FROM journal_posting AS posting
            WHERE posting.account_id = settled.account_id AND posting.stripe = settled.stripe
              AND posting.version > settled.version_from AND posting.version <= settled.version_to
              AND posting.bucket = 0
              AND NOT EXISTS (SELECT FROM journal_settledrange AS own
                               WHERE own.batch_id = posting.entry_id AND own.account_id = settled.account_id)) AS line
     WHERE (%(tenant)s::int IS NULL OR settled.tenant_id = %(tenant)s)
       AND (settled.net <> coalesce(-line.amount, 0) OR settled.postings <> line.count)
     ORDER BY 1, 2
    """,
)
