-- Forbids that what a session key has spent becomes less, or that its day or its last spend move back or are forgotten,
-- which would open a cap again. A new day begins its own count.
-- Speaks: before each update that would. Becomes: a bug; the executor's time does not run back over a row.
CREATE OR REPLACE FUNCTION ledger_spend_cap_reopened() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'what was spent with session key % stays spent', OLD.id
        USING ERRCODE = '23514', CONSTRAINT = 'spend_cap_reopened', TABLE = TG_TABLE_NAME;
END $$;
CREATE OR REPLACE TRIGGER spend_cap_reopened BEFORE UPDATE ON accounts_sessionkey
    FOR EACH ROW WHEN (NEW.spent_total < OLD.spent_total OR NEW.spent_most < OLD.spent_most
        OR (NEW.day = OLD.day AND NEW.spent_day < OLD.spent_day)
        OR (OLD.day IS NOT NULL AND (NEW.day IS NULL OR NEW.day < OLD.day))
        OR (OLD.last_spent_at IS NOT NULL AND (NEW.last_spent_at IS NULL OR NEW.last_spent_at < OLD.last_spent_at)))
    EXECUTE FUNCTION ledger_spend_cap_reopened();
ALTER TABLE accounts_sessionkey ENABLE ALWAYS TRIGGER spend_cap_reopened;
