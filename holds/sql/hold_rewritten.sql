-- Forbids changing what was promised when a hold was placed, and taking back what it has paid or given back.
-- Speaks: before each update of a hold that does. Becomes: a bug.
CREATE OR REPLACE FUNCTION ledger_hold_rewritten() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'what hold % promised, paid and gave back stands', OLD.id
        USING ERRCODE = '23514', CONSTRAINT = 'hold_rewritten', TABLE = TG_TABLE_NAME;
END $$;
CREATE OR REPLACE TRIGGER hold_rewritten BEFORE UPDATE ON holds_hold
    FOR EACH ROW WHEN (
        (OLD.id, OLD.tenant_id, OLD.kind, OLD.account_id, OLD.stripe, OLD.amount, OLD.allow_overcapture, OLD.on_timeout,
         OLD."references", OLD.created_at)
        IS DISTINCT FROM
        (NEW.id, NEW.tenant_id, NEW.kind, NEW.account_id, NEW.stripe, NEW.amount, NEW.allow_overcapture, NEW.on_timeout,
         NEW."references", NEW.created_at)
        OR OLD.counterparty_id IS DISTINCT FROM NEW.counterparty_id
        OR OLD.session_key IS DISTINCT FROM NEW.session_key
        OR OLD.budgets IS DISTINCT FROM NEW.budgets
        OR OLD.grants IS DISTINCT FROM NEW.grants
        OR OLD.destination IS DISTINCT FROM NEW.destination
        OR NEW.captured < OLD.captured OR NEW.released < OLD.released OR NEW.overcaptured < OLD.overcaptured)
    EXECUTE FUNCTION ledger_hold_rewritten();
ALTER TABLE holds_hold ENABLE ALWAYS TRIGGER hold_rewritten;
