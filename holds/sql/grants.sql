-- The app's role places holds and moves them along; what was promised is not for it to change.
GRANT SELECT, INSERT ON holds_hold, holds_deposit, holds_payout TO ledger_app;
GRANT UPDATE (captured, released, overcaptured, status, expires_at, reason, order_id, captured_entry, external_ref,
              updated_at) ON holds_hold TO ledger_app;
GRANT UPDATE (status, reason, updated_at) ON holds_deposit TO ledger_app;
GRANT UPDATE (attempts, leased_until, next_try_at, answer, external_ref, last_error) ON holds_payout TO ledger_app;
