-- The app's role issues session keys and counts what is spent with them; their caps are settled when they are issued.
GRANT SELECT, INSERT ON accounts_sessionkey TO ledger_app;
GRANT UPDATE (revoked_at, spent_total, spent_day, spent_most, reserved_total, reserved_day, day, last_spent_at) ON accounts_sessionkey TO ledger_app;
