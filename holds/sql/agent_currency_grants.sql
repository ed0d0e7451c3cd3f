-- The app's role says which currency agents have, and says it anew.
GRANT SELECT, INSERT ON holds_agentcurrency TO ledger_app;
GRANT UPDATE (currency, set_at) ON holds_agentcurrency TO ledger_app;
