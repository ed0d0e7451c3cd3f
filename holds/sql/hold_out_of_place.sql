-- Forbids a hold that is not written in the transaction of its event, which has its id, or that names an account of
-- another tenant.
-- Speaks: once per statement that inserts holds, at its end. Becomes: a bug.
CREATE OR REPLACE FUNCTION ledger_hold_out_of_place() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM inserted AS hold
          LEFT JOIN log_event AS event
                 ON event.id = hold.id AND event.tenant_id = hold.tenant_id AND event.insert_xid = pg_current_xact_id()
          LEFT JOIN accounts_balance AS holder
                 ON holder.account_id = hold.account_id AND holder.stripe = hold.stripe
                AND holder.tenant_id = hold.tenant_id
          LEFT JOIN accounts_account AS counterparty
                 ON counterparty.id = hold.counterparty_id AND counterparty.tenant_id = hold.tenant_id
         WHERE event.id IS NULL OR holder.account_id IS NULL
            OR (hold.counterparty_id IS NOT NULL AND counterparty.id IS NULL)
    ) THEN
        RAISE EXCEPTION 'a hold is written in the transaction of its event, for accounts of the same tenant'
            USING ERRCODE = '23514', CONSTRAINT = 'hold_out_of_place', TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER hold_out_of_place AFTER INSERT ON holds_hold
    REFERENCING NEW TABLE AS inserted FOR EACH STATEMENT
    EXECUTE FUNCTION ledger_hold_out_of_place();
ALTER TABLE holds_hold ENABLE ALWAYS TRIGGER hold_out_of_place;
