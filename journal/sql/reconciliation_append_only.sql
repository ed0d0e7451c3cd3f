-- Forbids removing runs, and changing or removing what they found. Speaks: see log/sql/append_only.sql.
CREATE OR REPLACE TRIGGER append_only BEFORE DELETE ON journal_reconciliationrun
    FOR EACH ROW EXECUTE FUNCTION ledger_append_only();
CREATE OR REPLACE TRIGGER append_only_truncate BEFORE TRUNCATE ON journal_reconciliationrun
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only();
ALTER TABLE journal_reconciliationrun ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE journal_reconciliationrun ENABLE ALWAYS TRIGGER append_only_truncate;
CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE ON journal_finding
    FOR EACH ROW EXECUTE FUNCTION ledger_append_only();
CREATE OR REPLACE TRIGGER append_only_truncate BEFORE TRUNCATE ON journal_finding
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only();
ALTER TABLE journal_finding ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE journal_finding ENABLE ALWAYS TRIGGER append_only_truncate;
