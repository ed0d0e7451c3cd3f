-- Forbids a gap in the indexes of the sealed log: leaves continue where the last one stands, the first is 0.
-- Speaks: after the statement, once for all of its leaves. Becomes: log_index_gap, a bug of the sealer.
CREATE OR REPLACE FUNCTION ledger_log_index_gap() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    leaves bigint; first bigint; last bigint;
BEGIN
    SELECT count(*), min(log_index), max(log_index) INTO leaves, first, last FROM added;
    IF leaves > 0 AND (last - first + 1 <> leaves OR first < 0
            OR first > 0 AND NOT EXISTS (SELECT FROM log_leaf WHERE log_index = first - 1)) THEN
        RAISE EXCEPTION 'leaves % to % leave a gap in the log', first, last
            USING ERRCODE = '23514', CONSTRAINT = 'log_index_gap', TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER log_index_gap AFTER INSERT ON log_leaf REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_log_index_gap();
ALTER TABLE log_leaf ENABLE ALWAYS TRIGGER log_index_gap;
