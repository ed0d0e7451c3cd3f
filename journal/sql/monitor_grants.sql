-- The app's role keeps monitors and what crossed them; a crossing is told of once and stands.
GRANT SELECT, INSERT ON journal_monitor, journal_crossing TO ledger_app;
GRANT UPDATE (triggered_at, deleted_at, slot, running) ON journal_monitor TO ledger_app;
GRANT SELECT, UPDATE (next_index) ON journal_monitorcursor TO ledger_app;
