-- The app's role extends the sealed log and cannot change it. Of a finding, a key and a delivery it can say how they
-- fare, and not what they are about.
GRANT SELECT ON log_leaf, log_node, log_checkpoint, log_sealingfinding, log_signingkey, log_anchordelivery TO ledger_app;
GRANT INSERT (log_index, tenant_id, event_id, leaf_hash) ON log_leaf TO ledger_app;
GRANT INSERT (level, index, hash) ON log_node TO ledger_app;
GRANT INSERT (size, root, note, snapshot) ON log_checkpoint TO ledger_app;
GRANT INSERT (kind, event_id, detail), UPDATE (resolved_at) ON log_sealingfinding TO ledger_app;
GRANT INSERT, UPDATE (retired_at) ON log_signingkey TO ledger_app;
GRANT INSERT (sink, checkpoint_id), UPDATE (attempts, next_attempt_at, delivered_at, last_error)
    ON log_anchordelivery TO ledger_app;
