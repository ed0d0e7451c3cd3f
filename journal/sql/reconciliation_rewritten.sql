-- Forbids changing what a finished run found, and telling of it twice; that it was told of is noted once.
-- Speaks: before each update of a finished run that does. Becomes: a bug.
CREATE OR REPLACE FUNCTION ledger_reconciliation_rewritten() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'what reconciliation % found stands', OLD.id
        USING ERRCODE = '23514', CONSTRAINT = 'reconciliation_rewritten', TABLE = TG_TABLE_NAME;
END $$;
CREATE OR REPLACE TRIGGER reconciliation_rewritten BEFORE UPDATE ON journal_reconciliationrun
    FOR EACH ROW WHEN (
        (OLD.id, OLD.tenant_id, OLD.requested_by, OLD.reason, OLD.requested_at)
        IS DISTINCT FROM (NEW.id, NEW.tenant_id, NEW.requested_by, NEW.reason, NEW.requested_at)
        OR OLD.finished_at IS NOT NULL AND
        (OLD.started_at, OLD.finished_at, OLD.log_size, OLD.mismatches, OLD.checks)
        IS DISTINCT FROM (NEW.started_at, NEW.finished_at, NEW.log_size, NEW.mismatches, NEW.checks)
        OR OLD.reported_at IS NOT NULL AND OLD.reported_at IS DISTINCT FROM NEW.reported_at
        OR OLD.mailed_at IS NOT NULL AND OLD.mailed_at IS DISTINCT FROM NEW.mailed_at)
    EXECUTE FUNCTION ledger_reconciliation_rewritten();
ALTER TABLE journal_reconciliationrun ENABLE ALWAYS TRIGGER reconciliation_rewritten;
