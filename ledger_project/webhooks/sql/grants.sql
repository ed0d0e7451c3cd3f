-- The app's role keeps webhooks and what became of their deliveries. A webhook's row is never removed: the log speaks of
-- it. Its secrets and the log of its deliveries are.
GRANT SELECT ON webhooks_endpoint, webhooks_secret, webhooks_cursor, webhooks_delivery, webhooks_attempt, webhooks_outlet
    TO ledger_app;
GRANT INSERT ON webhooks_endpoint, webhooks_secret, webhooks_cursor, webhooks_delivery, webhooks_attempt TO ledger_app;
GRANT UPDATE (url, types, description, enabled, disabled_reason, disabled_at, generation, rotated_at, deleted_at, slot,
              ordered)
    ON webhooks_endpoint TO ledger_app;
GRANT UPDATE (next_index, due_at, rest_until, failures, failing_since, last_success_at, lease, lease_until,
              milliseconds)
    ON webhooks_cursor TO ledger_app;
GRANT UPDATE (state, attempts, due_at, settled_at) ON webhooks_delivery TO ledger_app;
GRANT UPDATE (ended_at, status, error, detail, milliseconds) ON webhooks_attempt TO ledger_app;
GRANT UPDATE (next_index) ON webhooks_outlet TO ledger_app;
GRANT DELETE ON webhooks_secret, webhooks_delivery, webhooks_attempt TO ledger_app;
