-- The app's role sets budgets and counts what is taken from them; what they are for is settled when they are set.
GRANT SELECT, INSERT ON accounts_budget, accounts_budgetwindow TO ledger_app;
GRANT UPDATE (parent_id, "limit", mode, models, alerts, updated_at, ended_at) ON accounts_budget TO ledger_app;
GRANT UPDATE (used, reserved, over, alert, told) ON accounts_budgetwindow TO ledger_app;
