-- Forbids any change of a closed account's balance row: closing is for good.
-- Speaks: before each update of a closed row. Becomes: AccountClosed.
CREATE OR REPLACE FUNCTION ledger_account_closed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'account % is closed', OLD.account_id
        USING ERRCODE = '23514', CONSTRAINT = 'account_closed', TABLE = TG_TABLE_NAME;
END $$;
CREATE OR REPLACE TRIGGER account_closed BEFORE UPDATE ON accounts_balance
    FOR EACH ROW WHEN (OLD.status = 'closed')
    EXECUTE FUNCTION ledger_account_closed();
ALTER TABLE accounts_balance ENABLE ALWAYS TRIGGER account_closed;
