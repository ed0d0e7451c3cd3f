-- The app's role adds to the journal and can do nothing else to it.
GRANT SELECT, INSERT ON journal_entry, journal_posting TO ledger_app;
