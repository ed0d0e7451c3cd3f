-- Forbids that the revision of a tenant's rules becomes less, or stays: a process would go on by rules of before.
-- Speaks: before each update that would. Becomes: a bug.
CREATE OR REPLACE FUNCTION ledger_revision_runs_back() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a revision only grows'
        USING ERRCODE = '23514', CONSTRAINT = 'revision_runs_back', TABLE = TG_TABLE_NAME;
END $$;
CREATE OR REPLACE TRIGGER revision_runs_back BEFORE UPDATE ON log_revision
    FOR EACH ROW WHEN (NEW.revision <= OLD.revision)
    EXECUTE FUNCTION ledger_revision_runs_back();
ALTER TABLE log_revision ENABLE ALWAYS TRIGGER revision_runs_back;
