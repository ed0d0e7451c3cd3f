-- Forbids changing or removing what was recorded and settled. Speaks: see log/sql/append_only.sql.
CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE ON journal_billingrecord
    FOR EACH ROW EXECUTE FUNCTION ledger_append_only();
CREATE OR REPLACE TRIGGER append_only_truncate BEFORE TRUNCATE ON journal_billingrecord
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only();
ALTER TABLE journal_billingrecord ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE journal_billingrecord ENABLE ALWAYS TRIGGER append_only_truncate;
CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE ON journal_settlementbatch
    FOR EACH ROW EXECUTE FUNCTION ledger_append_only();
CREATE OR REPLACE TRIGGER append_only_truncate BEFORE TRUNCATE ON journal_settlementbatch
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only();
ALTER TABLE journal_settlementbatch ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE journal_settlementbatch ENABLE ALWAYS TRIGGER append_only_truncate;
CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE ON journal_settledrange
    FOR EACH ROW EXECUTE FUNCTION ledger_append_only();
CREATE OR REPLACE TRIGGER append_only_truncate BEFORE TRUNCATE ON journal_settledrange
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only();
ALTER TABLE journal_settledrange ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE journal_settledrange ENABLE ALWAYS TRIGGER append_only_truncate;
