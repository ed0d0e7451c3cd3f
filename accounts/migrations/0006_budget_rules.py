"""Rules of budgets. The SQL is frozen, sql/ has the living text."""

from django.db import migrations

RULES = {
    "budget_exceeded": r'''
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
''',
    "budget_ended": r'''
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
''',
    "budget_grants": r'''
-- The app's role sets budgets and counts what is taken from them; what they are for is settled when they are set.
GRANT SELECT, INSERT ON accounts_budget, accounts_budgetwindow TO ledger_app;
GRANT UPDATE (parent_id, "limit", mode, models, alerts, updated_at, ended_at) ON accounts_budget TO ledger_app;
GRANT UPDATE (used, reserved, over, alert, told) ON accounts_budgetwindow TO ledger_app;
''',
}


class Migration(migrations.Migration):
    dependencies = [("accounts", "0005_session_key_caps")]
    operations = [migrations.RunSQL(sql, migrations.RunSQL.noop) for sql in RULES.values()]
