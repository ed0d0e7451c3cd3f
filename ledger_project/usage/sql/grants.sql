-- The app's role publishes prices and records usage, and changes neither; what an account carries on it counts.
GRANT SELECT, INSERT ON usage_priceversion, usage_usage, usage_meter TO ledger_app;
GRANT UPDATE (remainder, counts) ON usage_meter TO ledger_app;
