"""What holds add to replay: promised buckets are the open holds, and a hold is what its last event says."""

from ledger_project.log.checks import Scope, compare

HOLDS = compare(
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


def _states(scope: Scope) -> str:
    """All holds, or those that events in scope tell of: each event of a hold has its whole state."""
    kinds = ("hold", "escrow", "stake", "withdrawal")
    told = "coalesce(" + ", ".join(f"event.result -> '{kind}'" for kind in kinds) + ")"
    types = " OR ".join(f"event.type LIKE '{kind}.%%'" for kind in kinds)
    return f"""
WITH told AS (
    SELECT DISTINCT ON (id) tenant_id, id, state FROM (
           SELECT event.tenant_id, event.id AS event, substr({told} ->> 'id', 5)::uuid AS id, {told} AS state
             FROM {scope.events} AS event
            WHERE event.type <> 'transfer.posted' AND ({types}) AND {scope.of("event.tenant_id")}) AS each
     ORDER BY id, event DESC
), stored AS (
    SELECT * FROM holds_hold AS hold WHERE {scope.of("hold.tenant_id")}
)
SELECT coalesce(stored.tenant_id, told.tenant_id), 'hld_' || replace(id::text, '-', '') || ' ' || part.label,
       coalesce(part.stored, 'nothing'), coalesce(part.told, 'nothing')
  FROM stored {"RIGHT" if scope.incremental else "FULL"} JOIN told USING (id), LATERAL (VALUES
       ('kind', stored.kind, state ->> 'kind'),
       ('status', stored.status, state ->> 'status'),
       ('account', 'acc_' || replace(stored.account_id::text, '-', ''), state ->> 'account'),
       ('counterparty', 'acc_' || replace(stored.counterparty_id::text, '-', ''), state ->> 'counterparty'),
       ('amount', stored.amount::text, state ->> 'amount'),
       ('captured', stored.captured::text, state ->> 'captured'),
       ('released', stored.released::text, state ->> 'released'),
       ('reason', stored.reason, state ->> 'reason'),
       ('references', stored."references"::text, (state ->> 'references')::jsonb::text),
       ('expires_at', stored.expires_at::text, ((state ->> 'expires_at')::timestamptz)::text),
       ('destination', stored.destination, state ->> 'destination'),
       ('external_ref', stored.external_ref, state ->> 'external_ref'),
       ('order_id', stored.order_id, state ->> 'order_id')) AS part (label, stored, told)
 WHERE part.stored IS DISTINCT FROM part.told
 ORDER BY 1, 2
"""


STATES = compare("holds_equal_log", "every hold, escrow, stake and withdrawal is as its last event says", _states)

DEPOSITS = compare(
    "deposits_unique",
    "what a source's reference means is stored once, and credited once if it is confirmed and never if it is not",
    """
    WITH credited AS (
        SELECT tenant_id, folded(result -> 'deposit' ->> 'source') AS source,
               folded(result -> 'deposit' ->> 'external_ref') AS external_ref, count(*) AS times
          FROM log_event
         WHERE type IN ('deposit.recorded', 'deposit.confirmed') AND result -> 'deposit' ->> 'status' = 'confirmed'
         GROUP BY 1, 2, 3
    ), stored AS (
        SELECT tenant_id, folded(source) AS source, folded(external_ref) AS external_ref, count(*) AS times,
               count(*) FILTER (WHERE status = 'confirmed') AS credits
          FROM holds_deposit GROUP BY 1, 2, 3
    )
    SELECT tenant_id, source || ' ' || external_ref,
           'stored ' || coalesce(stored.times, 0) || ' times, confirmed ' || coalesce(stored.credits, 0),
           'credited ' || coalesce(credited.times, 0) || ' times'
      FROM stored FULL JOIN credited USING (tenant_id, source, external_ref)
     WHERE (%(tenant)s::int IS NULL OR tenant_id = %(tenant)s)
       AND (coalesce(stored.times, 0) <> 1 OR coalesce(credited.times, 0) > 1
            OR coalesce(stored.credits, 0) <> coalesce(credited.times, 0))
     ORDER BY 1, 2
    """,
    rebuilds=False,
)
