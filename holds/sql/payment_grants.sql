-- The app's role authorises payments and moves them along; what was authorised is not for it to change.
GRANT SELECT, INSERT ON holds_paymentauthorization TO ledger_app;
GRANT UPDATE (status, claim, settled, updated_at) ON holds_paymentauthorization TO ledger_app;
