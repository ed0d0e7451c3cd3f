-- Forbids that more is used and promised of a hard budget than its limit, but for work that was done already (`over`).
-- Under a limit that was lowered no more is taken; what was taken stays.
-- Speaks: before each insert and update of a window that takes more. Becomes: BudgetExceeded.
CREATE OR REPLACE FUNCTION ledger_budget_exceeded() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM accounts_budget AS budget WHERE budget.id = NEW.budget_id AND budget.mode = 'hard'
                  AND NEW.used + NEW.reserved > budget."limit" + NEW.over) THEN
        RAISE EXCEPTION 'budget % has less left', NEW.budget_id
            USING ERRCODE = '23514', CONSTRAINT = 'budget_exceeded', TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER budget_exceeded BEFORE INSERT ON accounts_budgetwindow
    FOR EACH ROW EXECUTE FUNCTION ledger_budget_exceeded();
CREATE OR REPLACE TRIGGER budget_exceeded_later BEFORE UPDATE ON accounts_budgetwindow
    FOR EACH ROW WHEN (NEW.used + NEW.reserved - NEW.over > OLD.used + OLD.reserved - OLD.over)
    EXECUTE FUNCTION ledger_budget_exceeded();
ALTER TABLE accounts_budgetwindow ENABLE ALWAYS TRIGGER budget_exceeded;
ALTER TABLE accounts_budgetwindow ENABLE ALWAYS TRIGGER budget_exceeded_later;
