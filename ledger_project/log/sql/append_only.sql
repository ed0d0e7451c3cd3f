-- Forbids UPDATE, DELETE and TRUNCATE on the tables it guards, to every role, replication roles included.
-- Speaks: before the statement. Becomes: append_only, a bug of the caller, never a refusal.
CREATE OR REPLACE FUNCTION ledger_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on % is forbidden: it is append-only', TG_OP, TG_TABLE_NAME
        USING ERRCODE = '23514', CONSTRAINT = 'append_only', TABLE = TG_TABLE_NAME;
END $$;
CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE ON log_event
    FOR EACH ROW EXECUTE FUNCTION ledger_append_only();
CREATE OR REPLACE TRIGGER append_only_truncate BEFORE TRUNCATE ON log_event
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only();
ALTER TABLE log_event ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE log_event ENABLE ALWAYS TRIGGER append_only_truncate;
