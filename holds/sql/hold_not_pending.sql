-- Forbids any change of a hold that was resolved: it ends once, and what it paid and gave back stands.
-- Speaks: before each update of a resolved hold. Becomes: HoldNotPending.
CREATE OR REPLACE FUNCTION ledger_hold_not_pending() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'hold % is %', OLD.id, OLD.status
        USING ERRCODE = '23514', CONSTRAINT = 'hold_not_pending', TABLE = TG_TABLE_NAME;
END $$;
CREATE OR REPLACE TRIGGER hold_not_pending BEFORE UPDATE ON holds_hold
    FOR EACH ROW WHEN (OLD.status NOT IN ('pending', 'disputed'))
    EXECUTE FUNCTION ledger_hold_not_pending();
ALTER TABLE holds_hold ENABLE ALWAYS TRIGGER hold_not_pending;
