-- Forbids that a row was changed earlier than it was changed before: the executor's batches come after all of their rows,
-- whatever the server's clock says, so ids follow versions and no line of a statement changes its place.
-- Speaks: before each update of such a row. Becomes: a bug, never a refusal.
CREATE OR REPLACE FUNCTION ledger_time_runs_back() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'this row of % was changed at % already', TG_TABLE_NAME, OLD.updated_at
        USING ERRCODE = '23514', CONSTRAINT = 'time_runs_back', TABLE = TG_TABLE_NAME;
END $$;
CREATE OR REPLACE TRIGGER time_runs_back BEFORE UPDATE ON accounts_balance
    FOR EACH ROW WHEN (NEW.updated_at < OLD.updated_at) EXECUTE FUNCTION ledger_time_runs_back();
ALTER TABLE accounts_balance ENABLE ALWAYS TRIGGER time_runs_back;
CREATE OR REPLACE TRIGGER time_runs_back BEFORE UPDATE ON holds_hold
    FOR EACH ROW WHEN (NEW.updated_at < OLD.updated_at) EXECUTE FUNCTION ledger_time_runs_back();
ALTER TABLE holds_hold ENABLE ALWAYS TRIGGER time_runs_back;
CREATE OR REPLACE TRIGGER time_runs_back BEFORE UPDATE ON holds_deposit
    FOR EACH ROW WHEN (NEW.updated_at < OLD.updated_at) EXECUTE FUNCTION ledger_time_runs_back();
ALTER TABLE holds_deposit ENABLE ALWAYS TRIGGER time_runs_back;
CREATE OR REPLACE TRIGGER time_runs_back BEFORE UPDATE ON reserves_reserveasset
    FOR EACH ROW WHEN (NEW.updated_at < OLD.updated_at) EXECUTE FUNCTION ledger_time_runs_back();
ALTER TABLE reserves_reserveasset ENABLE ALWAYS TRIGGER time_runs_back;
