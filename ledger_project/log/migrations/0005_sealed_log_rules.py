"""The sealed log's own rules, frozen as they were when this migration was written; see sql/ for the living text."""

from django.db import migrations

RULES = {
    "sealed_log_append_only": r'''
-- Forbids UPDATE, DELETE and TRUNCATE on what seals the log: leaves, subtree hashes and checkpoints.
-- Speaks: before the statement. Becomes: append_only, a bug of the caller, never a refusal.
CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE ON log_leaf
    FOR EACH ROW EXECUTE FUNCTION ledger_append_only();
CREATE OR REPLACE TRIGGER append_only_truncate BEFORE TRUNCATE ON log_leaf
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only();
CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE ON log_node
    FOR EACH ROW EXECUTE FUNCTION ledger_append_only();
CREATE OR REPLACE TRIGGER append_only_truncate BEFORE TRUNCATE ON log_node
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only();
CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE ON log_checkpoint
    FOR EACH ROW EXECUTE FUNCTION ledger_append_only();
CREATE OR REPLACE TRIGGER append_only_truncate BEFORE TRUNCATE ON log_checkpoint
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only();
ALTER TABLE log_leaf ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE log_leaf ENABLE ALWAYS TRIGGER append_only_truncate;
ALTER TABLE log_node ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE log_node ENABLE ALWAYS TRIGGER append_only_truncate;
ALTER TABLE log_checkpoint ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE log_checkpoint ENABLE ALWAYS TRIGGER append_only_truncate;
''',
    "log_index_gap": r'''
-- Forbids a gap in the indexes of the sealed log: leaves continue where the last one stands, the first is 0.
-- Speaks: after the statement, once for all of its leaves. Becomes: log_index_gap, a bug of the sealer.
CREATE OR REPLACE FUNCTION ledger_log_index_gap() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    leaves bigint; first bigint; last bigint;
BEGIN
    SELECT count(*), min(log_index), max(log_index) INTO leaves, first, last FROM added;
    IF leaves > 0 AND (last - first + 1 <> leaves OR first < 0
            OR first > 0 AND NOT EXISTS (SELECT FROM log_leaf WHERE log_index = first - 1)) THEN
        RAISE EXCEPTION 'leaves % to % leave a gap in the log', first, last
            USING ERRCODE = '23514', CONSTRAINT = 'log_index_gap', TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER log_index_gap AFTER INSERT ON log_leaf REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_log_index_gap();
ALTER TABLE log_leaf ENABLE ALWAYS TRIGGER log_index_gap;
''',
    "checkpoint_size": r'''
-- Forbids a checkpoint that is not about all leaves there are, or that covers fewer than the one before it.
-- Speaks: before the row is inserted. Becomes: checkpoint_size, a bug of the sealer.
CREATE OR REPLACE FUNCTION ledger_checkpoint_size() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.size <> (SELECT coalesce(max(log_index) + 1, 0) FROM log_leaf)
            OR NEW.size < (SELECT coalesce(max(size), 0) FROM log_checkpoint
                            WHERE id = (SELECT max(id) FROM log_checkpoint)) THEN
        RAISE EXCEPTION 'a checkpoint of % leaves is not one of this log', NEW.size
            USING ERRCODE = '23514', CONSTRAINT = 'checkpoint_size', TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER checkpoint_size BEFORE INSERT ON log_checkpoint
    FOR EACH ROW EXECUTE FUNCTION ledger_checkpoint_size();
ALTER TABLE log_checkpoint ENABLE ALWAYS TRIGGER checkpoint_size;
''',
    "sealed_log_grants": r'''
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
''',
}


class Migration(migrations.Migration):
    dependencies = [("log", "0004_sealed_log"), ("accounts", "0002_rules")]
    operations = [migrations.RunSQL(sql, migrations.RunSQL.noop) for sql in RULES.values()]
