-- The app's role: reads everything, writes what its verbs write, owns nothing.
GRANT USAGE ON SCHEMA public TO ledger_app;
GRANT SELECT, INSERT ON accounts_tenant, accounts_currency, accounts_account, accounts_balance, accounts_apikey TO ledger_app;
GRANT UPDATE (status, credit_limit, available, held, escrowed, bonded, fee_pool, promo, credit_used, total_in, total_out,
              version, updated_at) ON accounts_balance TO ledger_app;
GRANT UPDATE (revoked_at) ON accounts_apikey TO ledger_app;
