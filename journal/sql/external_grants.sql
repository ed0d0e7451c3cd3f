-- The app's role takes in statements, which stay as they came, notes matches and takes them back, and decides adjustments.
GRANT SELECT, INSERT ON journal_externalstatement, journal_externalline, journal_externalmatch, journal_matchedline,
    journal_matchedentry, journal_externaladjustment TO ledger_app;
GRANT UPDATE (undone_at) ON journal_externalmatch TO ledger_app;
GRANT UPDATE (active) ON journal_matchedline, journal_matchedentry TO ledger_app;
GRANT UPDATE (status, decided_by, decided_identity, decided_at, decision, posted) ON journal_externaladjustment TO ledger_app;
