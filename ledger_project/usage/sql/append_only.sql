-- Forbids changing and deleting what was published and what was recorded, to whoever it is.
-- Speaks: before each update, delete and truncate. Becomes: a bug.
CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE ON usage_priceversion
    FOR EACH ROW EXECUTE FUNCTION ledger_append_only();
CREATE OR REPLACE TRIGGER append_only_truncate BEFORE TRUNCATE ON usage_priceversion
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only();
CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE ON usage_usage
    FOR EACH ROW EXECUTE FUNCTION ledger_append_only();
CREATE OR REPLACE TRIGGER append_only_truncate BEFORE TRUNCATE ON usage_usage
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only();
ALTER TABLE usage_priceversion ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE usage_priceversion ENABLE ALWAYS TRIGGER append_only_truncate;
ALTER TABLE usage_usage ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE usage_usage ENABLE ALWAYS TRIGGER append_only_truncate;
