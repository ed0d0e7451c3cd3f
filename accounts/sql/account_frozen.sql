-- Forbids that a frozen account's own money shrinks; money may come in.
-- Speaks: before each update of a frozen row that adds to its lifetime outflow. Becomes: AccountFrozen.
CREATE OR REPLACE FUNCTION ledger_account_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'account % is frozen', OLD.account_id
        USING ERRCODE = '23514', CONSTRAINT = 'account_frozen', TABLE = TG_TABLE_NAME;
END $$;
CREATE OR REPLACE TRIGGER account_frozen BEFORE UPDATE ON accounts_balance
    FOR EACH ROW WHEN (OLD.status = 'frozen' AND NEW.status = 'frozen' AND NEW.total_out > OLD.total_out)
    EXECUTE FUNCTION ledger_account_frozen();
ALTER TABLE accounts_balance ENABLE ALWAYS TRIGGER account_frozen;
