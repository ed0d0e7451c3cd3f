-- Forbids a settled range that does not begin where the last one of its stripe ended: no posting is settled twice, and
-- none is stepped over. Together with the unique constraint of the same name, which two ranges of one beginning meet.
-- Speaks: before each range that is inserted. Becomes: SettledTwice.
CREATE OR REPLACE FUNCTION ledger_settled_twice() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.version_from <> coalesce((SELECT last.version_to FROM journal_settledrange AS last
                                      WHERE last.account_id = NEW.account_id AND last.stripe = NEW.stripe
                                      ORDER BY last.version_from DESC LIMIT 1), 0) THEN
        RAISE EXCEPTION 'a settled range begins where the one before it ended'
            USING ERRCODE = '23514', CONSTRAINT = 'settled_twice', TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER settled_twice BEFORE INSERT ON journal_settledrange
    FOR EACH ROW EXECUTE FUNCTION ledger_settled_twice();
ALTER TABLE journal_settledrange ENABLE ALWAYS TRIGGER settled_twice;
