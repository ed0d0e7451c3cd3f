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
