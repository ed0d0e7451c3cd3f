-- The app's role adds to the log and can do nothing else to it; which transaction wrote an event is not for it to say.
GRANT SELECT ON log_event TO ledger_app;
GRANT INSERT (id, tenant_id, type, command, idempotency_key, actor, payload, result, content_hash, recorded_at)
    ON log_event TO ledger_app;
