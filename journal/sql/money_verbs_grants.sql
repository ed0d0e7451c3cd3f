-- The app's role counts refunds, uses up promotional grants, and records the rest once.
GRANT SELECT, INSERT ON journal_refundtotal, journal_promogrant, journal_billingrecord, journal_clearingaccount,
    journal_settlementbatch, journal_settledrange TO ledger_app;
GRANT UPDATE (refunded, reversed) ON journal_refundtotal TO ledger_app;
GRANT UPDATE (spent, held, burned, voided_at) ON journal_promogrant TO ledger_app;
GRANT UPDATE (settled_at) ON journal_clearingaccount TO ledger_app;
