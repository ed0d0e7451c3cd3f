-- Forbids any change of a payment that was settled or cancelled, another claim of a claimed one, and a change of what
-- was authorised.
-- Speaks: before each update of an authorization that does. Becomes: PaymentNotOpen.
CREATE OR REPLACE FUNCTION ledger_payment_not_open() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'payment % is %', OLD.id, OLD.status
        USING ERRCODE = '23514', CONSTRAINT = 'payment_not_open', TABLE = TG_TABLE_NAME;
END $$;
CREATE OR REPLACE TRIGGER payment_not_open BEFORE UPDATE ON holds_paymentauthorization
    FOR EACH ROW WHEN (
        OLD.status IN ('settled', 'cancelled')
        OR (OLD.claim IS NOT NULL AND OLD.claim IS DISTINCT FROM NEW.claim)
        OR (OLD.id, OLD.tenant_id, OLD.scheme, OLD.account_id, OLD.counterparty_id, OLD.amount, OLD.nonce, OLD.api_key,
            OLD.session_key, OLD.resource, OLD.expires_at, OLD.created_at)
           IS DISTINCT FROM
           (NEW.id, NEW.tenant_id, NEW.scheme, NEW.account_id, NEW.counterparty_id, NEW.amount, NEW.nonce, NEW.api_key,
            NEW.session_key, NEW.resource, NEW.expires_at, NEW.created_at))
    EXECUTE FUNCTION ledger_payment_not_open();
ALTER TABLE holds_paymentauthorization ENABLE ALWAYS TRIGGER payment_not_open;
