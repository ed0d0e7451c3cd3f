-- Forbids drawing more credit than the limit. Use above a limit that was lowered later stands, and may only shrink.
-- Speaks: before each balance row whose drawn credit grows beyond its limit. Becomes: CreditLimitExceeded.
CREATE OR REPLACE FUNCTION ledger_credit_limit_exceeded() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'credit drawn % exceeds the limit %', NEW.credit_used, NEW.credit_limit
        USING ERRCODE = '23514', CONSTRAINT = 'credit_limit_exceeded', TABLE = TG_TABLE_NAME;
END $$;
CREATE OR REPLACE TRIGGER credit_limit_exceeded_insert BEFORE INSERT ON accounts_balance
    FOR EACH ROW WHEN (NEW.credit_used > NEW.credit_limit)
    EXECUTE FUNCTION ledger_credit_limit_exceeded();
CREATE OR REPLACE TRIGGER credit_limit_exceeded BEFORE UPDATE ON accounts_balance
    FOR EACH ROW WHEN (NEW.credit_used > OLD.credit_used AND NEW.credit_used > NEW.credit_limit)
    EXECUTE FUNCTION ledger_credit_limit_exceeded();
ALTER TABLE accounts_balance ENABLE ALWAYS TRIGGER credit_limit_exceeded_insert;
ALTER TABLE accounts_balance ENABLE ALWAYS TRIGGER credit_limit_exceeded;
