-- Forbids an authorization that is not written in the transaction of its event, which has its id, or that names an
-- account or a key of another tenant, or one of the scheme upto without the hold that it stands on.
-- Speaks: once per statement that inserts authorizations, at its end. Becomes: a bug.
CREATE OR REPLACE FUNCTION ledger_authorization_out_of_place() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM inserted AS made
          LEFT JOIN log_event AS event
                 ON event.id = made.id AND event.tenant_id = made.tenant_id AND event.insert_xid = pg_current_xact_id()
          LEFT JOIN accounts_account AS payer ON payer.id = made.account_id AND payer.tenant_id = made.tenant_id
          LEFT JOIN accounts_account AS receiver
                 ON receiver.id = made.counterparty_id AND receiver.tenant_id = made.tenant_id
          LEFT JOIN accounts_apikey AS key ON key.id = made.api_key AND key.tenant_id = made.tenant_id
          LEFT JOIN holds_hold AS hold ON hold.id = made.id AND hold.account_id = made.account_id
         WHERE event.id IS NULL OR payer.id IS NULL OR receiver.id IS NULL
            OR (made.api_key IS NOT NULL AND key.id IS NULL)
            OR (made.scheme = 'upto') <> (hold.id IS NOT NULL)
    ) THEN
        RAISE EXCEPTION 'a payment is authorised in the transaction of its event, within one tenant'
            USING ERRCODE = '23514', CONSTRAINT = 'authorization_out_of_place', TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER authorization_out_of_place AFTER INSERT ON holds_paymentauthorization
    REFERENCING NEW TABLE AS inserted FOR EACH STATEMENT
    EXECUTE FUNCTION ledger_authorization_out_of_place();
ALTER TABLE holds_paymentauthorization ENABLE ALWAYS TRIGGER authorization_out_of_place;
