-- The app's role notes what it verified, and moves the note on.
GRANT SELECT, INSERT, UPDATE ON journal_verifiedpoint, journal_verifiedbalance TO ledger_app;
