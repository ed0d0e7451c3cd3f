-- The app's role asks for runs, finishes them and tells of them; what was found stands.
GRANT SELECT, INSERT ON journal_reconciliationrun, journal_finding TO ledger_app;
GRANT UPDATE (started_at, finished_at, log_size, mismatches, checks, reported_at, mailed_at)
    ON journal_reconciliationrun TO ledger_app;
