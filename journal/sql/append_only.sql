-- Forbids changing or removing what was posted. Speaks: see log/sql/append_only.sql.
CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE ON journal_entry
    FOR EACH ROW EXECUTE FUNCTION ledger_append_only();
CREATE OR REPLACE TRIGGER append_only_truncate BEFORE TRUNCATE ON journal_entry
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only();
CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE ON journal_posting
    FOR EACH ROW EXECUTE FUNCTION ledger_append_only();
CREATE OR REPLACE TRIGGER append_only_truncate BEFORE TRUNCATE ON journal_posting
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only();
ALTER TABLE journal_entry ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE journal_entry ENABLE ALWAYS TRIGGER append_only_truncate;
ALTER TABLE journal_posting ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE journal_posting ENABLE ALWAYS TRIGGER append_only_truncate;
