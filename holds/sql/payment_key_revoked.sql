-- Forbids claiming, or settling unclaimed, a payment whose key was revoked, or a key above it.
-- Speaks: before each update that takes an authorization from open to claimed or settled. Becomes: PaymentKeyRevoked.
CREATE OR REPLACE FUNCTION ledger_payment_key_revoked() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM accounts_apikey AS own
          JOIN accounts_apikey AS key ON key.id = own.id OR key.id = ANY(own.lineage)
         WHERE own.id = NEW.api_key AND key.revoked_at IS NOT NULL
    ) THEN
        RAISE EXCEPTION 'the key of payment % is revoked', NEW.id
            USING ERRCODE = '23514', CONSTRAINT = 'payment_key_revoked', TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER payment_key_revoked BEFORE UPDATE ON holds_paymentauthorization
    FOR EACH ROW WHEN (OLD.status = 'open' AND NEW.status IN ('claimed', 'settled'))
    EXECUTE FUNCTION ledger_payment_key_revoked();
ALTER TABLE holds_paymentauthorization ENABLE ALWAYS TRIGGER payment_key_revoked;
