"""What accounts add to replay: their facts, status and credit limit are what the log says last."""

from ledger_project.log.checks import Scope, compare


def _accounts(scope: Scope) -> str:
    """All accounts, or those that events in scope tell of. Transfers, the bulk of the log, tell nothing of this."""
    everything = not scope.incremental
    return f"""
WITH event AS (
    SELECT event.id, event.tenant_id, event.type, event.payload, event.result FROM {scope.events} AS event
     WHERE event.type <> 'transfer.posted' AND {scope.of("event.tenant_id")}
), opened AS (
    SELECT event.tenant_id, substr(facts ->> 'id', 5)::uuid AS id, facts
      FROM event, json_array_elements(event.result -> 'opened') AS facts
     WHERE event.result -> 'opened' IS NOT NULL
), status AS (
    SELECT DISTINCT ON (id) id, status FROM (
           SELECT event.id AS event, substr(event.result -> 'account' ->> 'id', 5)::uuid AS id,
                  event.result -> 'account' ->> 'status' AS status
             FROM event WHERE event.type IN ('account.frozen', 'account.unfrozen', 'account.closed')) AS told
     ORDER BY id, event DESC
), credit AS (
    SELECT DISTINCT ON (id) id, credit_limit FROM (
           SELECT event.id AS event, substr(event.result -> 'account' ->> 'id', 5)::uuid AS id,
                  event.payload ->> 'credit_limit' AS credit_limit
             FROM event WHERE event.type = 'credit_limit.set') AS told
     ORDER BY id, event DESC
), stored AS (
    SELECT account.*, balance.stripe, balance.status, balance.credit_limit
      FROM accounts_account AS account JOIN accounts_balance AS balance ON balance.account_id = account.id
     WHERE {scope.of("account.tenant_id")}
)
SELECT coalesce(stored.tenant_id, opened.tenant_id),
       coalesce(stored.name, opened.facts ->> 'name') || ' ' || part.label,
       coalesce(part.stored, 'nothing'), coalesce(part.told, 'nothing')
  FROM stored {"FULL" if everything else "LEFT"} JOIN opened USING (id)
  LEFT JOIN status USING (id) LEFT JOIN credit USING (id), LATERAL (VALUES
       ('name', stored.name, opened.facts ->> 'name'),
       ('type', stored.type, opened.facts ->> 'type'),
       ('currency', stored.currency || ' ' || stored.scale,
        (opened.facts ->> 'currency') || ' ' || (opened.facts ->> 'scale')),
       ('unbounded', stored.unbounded || ' ' || stored.stripes,
        (opened.facts ->> 'unbounded') || ' ' || (opened.facts ->> 'stripes')),
       ('status', stored.status, coalesce(status.status, {"'open'" if everything else "NULL"})),
       ('credit limit', stored.credit_limit::text, coalesce(credit.credit_limit, {"'0'" if everything else "NULL"}))
       ) AS part (label, stored, told)
 WHERE part.stored IS DISTINCT FROM part.told {"" if everything else "AND part.told IS NOT NULL"}
 ORDER BY 1, 2
"""


ACCOUNTS = compare(
    "accounts_equal_log", "every account's facts, status and credit limit are those of its last event", _accounts
)
