-- The app's role counts the changes of a tenant's rules.
GRANT SELECT, INSERT ON log_revision TO ledger_app;
GRANT UPDATE (revision) ON log_revision TO ledger_app;
