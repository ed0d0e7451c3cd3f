-- Forbids that what an anchor has shown to be wrong with the log is closed by anything but an operator's decision, which is
-- a row of log_instance made in the same transaction.
-- Speaks: before the row is updated. Becomes: contradiction_stays_open, a bug of the sealer.
CREATE OR REPLACE FUNCTION ledger_contradiction_stays_open() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM log_instance WHERE made_at >= transaction_timestamp()) THEN
        RAISE EXCEPTION 'the finding % is closed by manage.py unfence alone', OLD.kind
            USING ERRCODE = '23514', CONSTRAINT = 'contradiction_stays_open', TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER contradiction_stays_open BEFORE UPDATE ON log_sealingfinding
    FOR EACH ROW WHEN (OLD.kind IN ('cut_back', 'forked') AND OLD.resolved_at IS NULL AND NEW.resolved_at IS NOT NULL)
    EXECUTE FUNCTION ledger_contradiction_stays_open();
ALTER TABLE log_sealingfinding ENABLE ALWAYS TRIGGER contradiction_stays_open;
