-- Forbids changing what a budget is for, and giving one that has ended its life back.
-- Speaks: before each update that would. Becomes: a bug.
CREATE OR REPLACE FUNCTION ledger_budget_ended() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'what budget % is for, and that it has ended, stands', OLD.id
        USING ERRCODE = '23514', CONSTRAINT = 'budget_ended', TABLE = TG_TABLE_NAME;
END $$;
CREATE OR REPLACE TRIGGER budget_ended BEFORE UPDATE ON accounts_budget
    FOR EACH ROW WHEN (OLD.ended_at IS NOT NULL OR
        (OLD.id, OLD.tenant_id, OLD.name, OLD.currency, OLD."window", OLD.time_zone, OLD.created_at)
        IS DISTINCT FROM
        (NEW.id, NEW.tenant_id, NEW.name, NEW.currency, NEW."window", NEW.time_zone, NEW.created_at)
        OR OLD.account_id IS DISTINCT FROM NEW.account_id
        OR OLD.account_prefix IS DISTINCT FROM NEW.account_prefix
        OR OLD.session_key_id IS DISTINCT FROM NEW.session_key_id)
    EXECUTE FUNCTION ledger_budget_ended();
ALTER TABLE accounts_budget ENABLE ALWAYS TRIGGER budget_ended;
