-- Forbids an account without its balance rows, so that locking "the balance" never locks nothing.
-- Speaks: once per statement that inserts accounts; the executor inserts both in one. Becomes: a bug.
CREATE OR REPLACE FUNCTION ledger_account_without_balance() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM inserted AS account
         WHERE account.stripes <> (SELECT count(*) FROM accounts_balance AS balance
                                    WHERE balance.account_id = account.id AND balance.tenant_id = account.tenant_id
                                      AND balance.unbounded = account.unbounded)
    ) THEN
        RAISE EXCEPTION 'an account is inserted with all its balance rows'
            USING ERRCODE = '23514', CONSTRAINT = 'account_without_balance', TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER account_without_balance AFTER INSERT ON accounts_account
    REFERENCING NEW TABLE AS inserted FOR EACH STATEMENT
    EXECUTE FUNCTION ledger_account_without_balance();
ALTER TABLE accounts_account ENABLE ALWAYS TRIGGER account_without_balance;
