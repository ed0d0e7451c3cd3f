-- Forbids removing what was promised or deposited. Speaks: see log/sql/append_only.sql.
CREATE OR REPLACE TRIGGER append_only BEFORE DELETE ON holds_hold
    FOR EACH ROW EXECUTE FUNCTION ledger_append_only();
CREATE OR REPLACE TRIGGER append_only_truncate BEFORE TRUNCATE ON holds_hold
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only();
CREATE OR REPLACE TRIGGER append_only BEFORE DELETE ON holds_deposit
    FOR EACH ROW EXECUTE FUNCTION ledger_append_only();
CREATE OR REPLACE TRIGGER append_only_truncate BEFORE TRUNCATE ON holds_deposit
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only();
ALTER TABLE holds_hold ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE holds_hold ENABLE ALWAYS TRIGGER append_only_truncate;
ALTER TABLE holds_deposit ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE holds_deposit ENABLE ALWAYS TRIGGER append_only_truncate;
