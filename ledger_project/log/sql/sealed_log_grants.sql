-- The app's role reads the sealed log; the sealer's alone extends it, and cannot change it. Of a finding, a key and a
-- delivery it can say how they fare, and not what they are about. Of the books it reads what is hashed.
REVOKE ALL ON log_leaf, log_node, log_checkpoint, log_sealingfinding, log_signingkey, log_anchordelivery, log_instance
    FROM ledger_app;
GRANT SELECT ON log_instance TO ledger_app;
GRANT USAGE ON SCHEMA public TO ledger_sealer;
GRANT SELECT ON log_event, journal_entry, journal_posting, log_leaf, log_node, log_checkpoint, log_sealingfinding,
    log_signingkey, log_anchordelivery, log_instance TO ledger_sealer;
GRANT SELECT (id, currency) ON accounts_account TO ledger_sealer;
GRANT INSERT (log_index, tenant_id, event_id, leaf_hash) ON log_leaf TO ledger_sealer;
GRANT INSERT (level, index, hash) ON log_node TO ledger_sealer;
GRANT INSERT (size, root, note, snapshot) ON log_checkpoint TO ledger_sealer;
GRANT INSERT (kind, event_id, detail, origin), UPDATE (resolved_at) ON log_sealingfinding TO ledger_sealer;
GRANT INSERT (kid, public_key, created_at, retired_at), UPDATE (retired_at) ON log_signingkey TO ledger_sealer;
GRANT INSERT (instance, reason, made_by) ON log_instance TO ledger_sealer;
GRANT INSERT (sink, checkpoint_id), UPDATE (attempts, next_attempt_at, delivered_at, last_error)
    ON log_anchordelivery TO ledger_sealer;
GRANT SELECT ON log_leaf, log_node, log_checkpoint, log_sealingfinding, log_signingkey, log_anchordelivery
    TO ledger_app;
