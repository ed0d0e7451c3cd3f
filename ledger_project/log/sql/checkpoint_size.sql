-- Forbids a checkpoint that is not about all leaves there are, or that covers fewer than the one before it.
-- Speaks: before the row is inserted. Becomes: checkpoint_size, a bug of the sealer.
CREATE OR REPLACE FUNCTION ledger_checkpoint_size() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.size <> (SELECT coalesce(max(log_index) + 1, 0) FROM log_leaf)
            OR NEW.size < (SELECT coalesce(max(size), 0) FROM log_checkpoint
                            WHERE id = (SELECT max(id) FROM log_checkpoint)) THEN
        RAISE EXCEPTION 'a checkpoint of % leaves is not one of this log', NEW.size
            USING ERRCODE = '23514', CONSTRAINT = 'checkpoint_size', TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER checkpoint_size BEFORE INSERT ON log_checkpoint
    FOR EACH ROW EXECUTE FUNCTION ledger_checkpoint_size();
ALTER TABLE log_checkpoint ENABLE ALWAYS TRIGGER checkpoint_size;
