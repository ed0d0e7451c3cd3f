-- The app's role sets top-up rules and moves requests along; what was asked for is not for it to change.
GRANT SELECT, INSERT ON holds_topup, holds_topuprequest TO ledger_app;
GRANT UPDATE (below, "to", amount, at_most_per_month, cooldown, expires_in, url, failures, month, asked, requested_at,
              updated_at, ended_at) ON holds_topup TO ledger_app;
GRANT UPDATE (status, reason, deposit_id, settled_at) ON holds_topuprequest TO ledger_app;
