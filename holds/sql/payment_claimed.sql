-- Forbids ending a claimed payment otherwise than by settling it: its cancellation, and taking or giving back the money
-- that is set aside for it before its time is over.
-- Speaks: before an authorization's update, and at the end of the statement that changes a hold. Becomes: PaymentClaimed.
CREATE OR REPLACE FUNCTION ledger_payment_claimed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_TABLE_NAME = 'holds_paymentauthorization'
       OR EXISTS (SELECT FROM holds_paymentauthorization
                   WHERE id = NEW.id AND status = 'claimed' AND expires_at > NEW.updated_at)
    THEN
        RAISE EXCEPTION 'payment % is claimed', NEW.id
            USING ERRCODE = '23514', CONSTRAINT = 'payment_claimed', TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER payment_claimed BEFORE UPDATE ON holds_paymentauthorization
    FOR EACH ROW WHEN (OLD.status = 'claimed' AND NEW.status IN ('open', 'cancelled'))
    EXECUTE FUNCTION ledger_payment_claimed();
CREATE OR REPLACE TRIGGER payment_claimed AFTER UPDATE ON holds_hold
    FOR EACH ROW WHEN (
        NEW.kind = 'hold' AND (NEW.captured, NEW.released) IS DISTINCT FROM (OLD.captured, OLD.released))
    EXECUTE FUNCTION ledger_payment_claimed();
ALTER TABLE holds_paymentauthorization ENABLE ALWAYS TRIGGER payment_claimed;
ALTER TABLE holds_hold ENABLE ALWAYS TRIGGER payment_claimed;
