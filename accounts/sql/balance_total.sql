-- One row per account with what it has: the sums over its stripes. For lists and the back office; nothing writes here.
-- The sums are taken row by row, so a page of fifty accounts reads the balances of fifty.
CREATE OR REPLACE VIEW accounts_balance_total WITH (security_invoker = true) AS
SELECT account.id AS account_id, account.tenant_id, account.name, account.type, account.currency, account.scale,
       account.unbounded, account.stripes, account.metadata, account.created_at, total.*,
       statement_timestamp() AS as_of
  FROM accounts_account AS account
 CROSS JOIN LATERAL (
       SELECT min(status) AS status, sum(available) AS available, sum(held) AS held, sum(escrowed) AS escrowed,
              sum(bonded) AS bonded, sum(fee_pool) AS fee_pool, sum(promo) AS promo, sum(credit_used) AS credit_used,
              max(credit_limit) AS credit_limit, sum(total_in) AS total_in, sum(total_out) AS total_out,
              sum(version)::bigint AS version, max(updated_at) AS updated_at
         FROM accounts_balance AS balance WHERE balance.account_id = account.id
       ) AS total;
GRANT SELECT ON accounts_balance_total TO ledger_app;
