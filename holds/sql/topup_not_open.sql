-- Forbids changing a request for money that has ended, and removing one.
-- Speaks: before each update of one that is not open, delete and truncate. Becomes: TopupNotOpen, or a bug.
CREATE OR REPLACE FUNCTION ledger_topup_not_open() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'request % is %', OLD.id, OLD.status
        USING ERRCODE = '23514', CONSTRAINT = 'topup_not_open', TABLE = TG_TABLE_NAME;
END $$;
CREATE OR REPLACE TRIGGER topup_not_open BEFORE UPDATE ON holds_topuprequest
    FOR EACH ROW WHEN (OLD.status <> 'open') EXECUTE FUNCTION ledger_topup_not_open();
CREATE OR REPLACE TRIGGER append_only BEFORE DELETE ON holds_topuprequest
    FOR EACH ROW EXECUTE FUNCTION ledger_append_only();
CREATE OR REPLACE TRIGGER append_only_truncate BEFORE TRUNCATE ON holds_topuprequest
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only();
ALTER TABLE holds_topuprequest ENABLE ALWAYS TRIGGER topup_not_open;
ALTER TABLE holds_topuprequest ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE holds_topuprequest ENABLE ALWAYS TRIGGER append_only_truncate;
