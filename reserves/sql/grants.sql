-- The app's role registers assets and changes how they are counted; what was recorded or attested is not for it to change.
GRANT SELECT, INSERT ON reserves_reserveasset, reserves_reservesnapshot, reserves_attestation, reserves_attestationleaf
    TO ledger_app;
GRANT UPDATE (provider, custody, source, haircut_bps, max_age_seconds, is_eligible, metadata, version, updated_at)
    ON reserves_reserveasset TO ledger_app;
