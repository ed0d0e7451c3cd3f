"""What holds add to replay: the promised buckets are the open holds."""

from journal.replay import Check

HOLDS = Check(
    "buckets_equal_open_holds",
    "held, escrowed and bonded money is the sum of the open holds, balance row by balance row",
    """
    WITH promised AS (
        SELECT account_id, stripe,
               coalesce(sum(amount - captured - released) FILTER (WHERE kind IN ('hold', 'withdrawal')), 0) AS held,
               coalesce(sum(amount - captured - released) FILTER (WHERE kind = 'escrow'), 0) AS escrowed,
               coalesce(sum(amount - captured - released) FILTER (WHERE kind = 'stake'), 0) AS bonded
          FROM holds_hold WHERE status IN ('pending', 'disputed') GROUP BY account_id, stripe
    )
    SELECT account.tenant_id,
           account.name || CASE WHEN account.stripes > 1 THEN '#' || stripe ELSE '' END || ' ' || bucket.label,
           bucket.stored, bucket.promised
      FROM accounts_balance AS balance FULL JOIN promised USING (account_id, stripe)
      JOIN accounts_account AS account ON account.id = account_id, LATERAL (VALUES
           ('held', coalesce(balance.held, 0), coalesce(promised.held, 0)),
           ('escrowed', coalesce(balance.escrowed, 0), coalesce(promised.escrowed, 0)),
           ('bonded', coalesce(balance.bonded, 0), coalesce(promised.bonded, 0))) AS bucket (label, stored, promised)
     WHERE (%(tenant)s::int IS NULL OR account.tenant_id = %(tenant)s) AND bucket.stored <> bucket.promised
     ORDER BY 1, 2
    """,
)
