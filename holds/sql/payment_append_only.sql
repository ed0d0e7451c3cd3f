-- Forbids removing what was authorised. Speaks: see log/sql/append_only.sql.
CREATE OR REPLACE TRIGGER append_only BEFORE DELETE ON holds_paymentauthorization
    FOR EACH ROW EXECUTE FUNCTION ledger_append_only();
CREATE OR REPLACE TRIGGER append_only_truncate BEFORE TRUNCATE ON holds_paymentauthorization
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only();
ALTER TABLE holds_paymentauthorization ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE holds_paymentauthorization ENABLE ALWAYS TRIGGER append_only_truncate;
