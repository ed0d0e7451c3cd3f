-- The app's role issues statements; what was issued stands.
GRANT SELECT, INSERT ON journal_issuedstatement TO ledger_app;
