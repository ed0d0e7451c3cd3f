-- Forbids any change of a confirmed deposit, and of what was announced of one that is not: who gets how much from where.
-- Speaks: before each update that does. Becomes: DepositNotPending.
CREATE OR REPLACE FUNCTION ledger_deposit_not_pending() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'deposit % is %', OLD.id, OLD.status
        USING ERRCODE = '23514', CONSTRAINT = 'deposit_not_pending', TABLE = TG_TABLE_NAME;
END $$;
CREATE OR REPLACE TRIGGER deposit_not_pending BEFORE UPDATE ON holds_deposit
    FOR EACH ROW WHEN (
        OLD.status = 'confirmed'
        OR (OLD.id, OLD.tenant_id, OLD.account_id, OLD.amount, OLD.source, OLD.external_ref, OLD.created_at)
           IS DISTINCT FROM
           (NEW.id, NEW.tenant_id, NEW.account_id, NEW.amount, NEW.source, NEW.external_ref, NEW.created_at))
    EXECUTE FUNCTION ledger_deposit_not_pending();
ALTER TABLE holds_deposit ENABLE ALWAYS TRIGGER deposit_not_pending;
