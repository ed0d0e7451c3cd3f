-- Forbids UPDATE, DELETE and TRUNCATE on which copy this database is: who let it go on, and why, is kept.
-- Speaks: before the statement. Becomes: append_only, a bug of the caller, never a refusal.
CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE ON log_instance
    FOR EACH ROW EXECUTE FUNCTION ledger_append_only();
CREATE OR REPLACE TRIGGER append_only_truncate BEFORE TRUNCATE ON log_instance
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only();
ALTER TABLE log_instance ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE log_instance ENABLE ALWAYS TRIGGER append_only_truncate;
