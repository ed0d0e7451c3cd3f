-- Forbids changing or removing statements that were issued. Speaks: see log/sql/append_only.sql.
CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE ON journal_issuedstatement
    FOR EACH ROW EXECUTE FUNCTION ledger_append_only();
CREATE OR REPLACE TRIGGER append_only_truncate BEFORE TRUNCATE ON journal_issuedstatement
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only();
ALTER TABLE journal_issuedstatement ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE journal_issuedstatement ENABLE ALWAYS TRIGGER append_only_truncate;
