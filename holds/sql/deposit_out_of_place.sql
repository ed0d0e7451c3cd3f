-- Forbids a deposit that is not written in the transaction of its event, which has its id, or whose account is another
-- tenant's.
-- Speaks: once per statement that inserts deposits, at its end. Becomes: a bug.
CREATE OR REPLACE FUNCTION ledger_deposit_out_of_place() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM inserted AS deposit
          LEFT JOIN log_event AS event
                 ON event.id = deposit.id AND event.tenant_id = deposit.tenant_id
                AND event.insert_xid = pg_current_xact_id()
          LEFT JOIN accounts_account AS account
                 ON account.id = deposit.account_id AND account.tenant_id = deposit.tenant_id
         WHERE event.id IS NULL OR account.id IS NULL
    ) THEN
        RAISE EXCEPTION 'a deposit is written in the transaction of its event, for an account of the same tenant'
            USING ERRCODE = '23514', CONSTRAINT = 'deposit_out_of_place', TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER deposit_out_of_place AFTER INSERT ON holds_deposit
    REFERENCING NEW TABLE AS inserted FOR EACH STATEMENT
    EXECUTE FUNCTION ledger_deposit_out_of_place();
ALTER TABLE holds_deposit ENABLE ALWAYS TRIGGER deposit_out_of_place;
